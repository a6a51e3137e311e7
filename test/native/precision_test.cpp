#include "engine/kernels/precision.h"

#include <doctest/doctest.h>

#include <string>

using agora::Arithmetic;
using agora::Storage;

TEST_CASE("quantised models are multiplied in 8 bits on every instruction set, exact ones in floats") {
    for (const agora::KernelSet* set : agora::kernel_sets()) {
        const agora::KernelSet& kernels = *set;
        const std::string name = kernels.name;
        CAPTURE(name);
        const agora::Precision quantised = agora::choose_precision(agora::ComputeType::Auto, true, kernels);
        const bool tiles = kernels.bf16.rows == 32;
        CHECK(quantised.weights == Storage::Int8);
        CHECK(quantised.encoder == (tiles ? Arithmetic::BF16 : Arithmetic::Int8));
        const bool long_blocks = kernels.int8_by_256.rows == 32;
        CHECK(quantised.long_weights() == (long_blocks ? Storage::Int8By256 : Storage::Int8));
        CHECK(quantised.long_rows() == (long_blocks ? Arithmetic::Int8By256 : quantised.encoder));
        CHECK(quantised.projection_weights() == (long_blocks ? Storage::BF16 : Storage::Int8));
        CHECK(quantised.decoder == Arithmetic::Int8);
        CHECK(quantised.memory == Storage::Int8);
        const agora::Precision exact = agora::choose_precision(agora::ComputeType::F32, true, kernels);
        CHECK(exact.weights == Storage::F32);
        CHECK(exact.long_weights() == Storage::F32);
        CHECK(exact.long_rows() == Arithmetic::F32);
        CHECK(exact.encoder == Arithmetic::F32);
        CHECK(exact.decoder == Arithmetic::F32);
        CHECK(exact.attention == Arithmetic::F32);
        CHECK(exact.memory == Storage::F32);
    }
}
