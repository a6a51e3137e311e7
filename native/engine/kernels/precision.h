// What a compute type means on this processor.
#pragma once

#include "engine/kernels/compute_type.h"
#include "engine/kernels/kernel_set.h"

namespace agora {

struct Precision {
    ComputeType type;      // never Auto
    Storage weights;       // of the matrices
    Storage convolutions;  // of the encoder's first layers, which quantised models keep wide too
    Arithmetic encoder;    // of its products
    Arithmetic decoder;
    Arithmetic attention;  // of the encoder
    Storage memory;        // of the decoder's keys and values: F32, F16, or Int8 in cross-attention and F16 else
    // Whether tiles multiply bytes with a scale for each 256 inputs. Whisper's encoder then has its MLPs, two thirds of
    // its products, and the decoder's keys and values computed so. Its attention's projections, whose inputs have
    // values that are far larger than their neighbours, are kept in bfloat16, as they are multiplied.
    bool long_blocks = false;

    Storage long_weights() const { return long_blocks ? Storage::Int8By256 : weights; }
    Storage projection_weights() const { return long_blocks ? Storage::BF16 : weights; }
    // Of what long_weights() are multiplied with.
    Arithmetic long_rows() const { return long_blocks ? Arithmetic::Int8By256 : encoder; }

    // Full precision computes the model as it was published, with the GELU of the error function; narrower types take
    // whisper.cpp's faster approximation, whose error (at most 5e-4) is below theirs.
    Activation gelu() const { return type == ComputeType::F32 ? Activation::Gelu : Activation::GeluTanh; }
};

// `quantised`: whether the model file's own weights have 8 bits or fewer.
Precision choose_precision(ComputeType type, bool quantised, const KernelSet& kernels);

}  // namespace agora
