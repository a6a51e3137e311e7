// What the language model asks of the CPU kernels, beside double arithmetic.
#include <doctest/doctest.h>
#include <ggml.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "engine/borealis/causal_attention.h"
#include "numbers.h"

using agora::Arithmetic;
using agora::CausalAttention;
using agora::KernelSet;
using agora::LanguageMemory;
using agora::PackedMatrix;
using agora::Storage;

namespace {

uint8_t* bytes(std::vector<float>& row) {
    return reinterpret_cast<uint8_t*>(row.data());
}

// softmax(query · keysᵀ / sqrt(width)) · values, up to each row's own position.
std::vector<double> expected_attention(const std::vector<float>& query, const std::vector<float>& key,
                                       const std::vector<float>& value, int heads, int key_heads, int width, int past) {
    const size_t row = static_cast<size_t>(heads * width);
    const size_t key_row = static_cast<size_t>(key_heads * width);
    std::vector<double> output(query.size());
    for (size_t i = 0; i < query.size() / row; ++i) {
        for (int head = 0; head < heads; ++head) {
            const size_t offset = i * row + static_cast<size_t>(head * width);
            const auto key_offset = static_cast<size_t>(head / (heads / key_heads) * width);
            std::vector<double> weights(static_cast<size_t>(past) + i + 1);
            double sum = 0;
            for (size_t p = 0; p < weights.size(); ++p) {
                double score = 0;
                for (size_t k = 0; k < static_cast<size_t>(width); ++k)
                    score += static_cast<double>(query[offset + k]) * key[p * key_row + key_offset + k];
                weights[p] = std::exp(score / std::sqrt(width));
                sum += weights[p];
            }
            for (size_t p = 0; p < weights.size(); ++p) {
                for (size_t k = 0; k < static_cast<size_t>(width); ++k)
                    output[offset + k] += weights[p] / sum * value[p * key_row + key_offset + k];
            }
        }
    }
    return output;
}

}  // namespace

TEST_CASE("causal attention with shared keys agrees with double arithmetic on every instruction set") {
    struct Shape {
        int heads, key_heads, width, past, count;
    };
    for (const Shape& shape : {Shape{14, 2, 64, 0, 45}, Shape{14, 2, 64, 430, 1}, Shape{16, 8, 128, 255, 3},
                               Shape{4, 2, 16, 31, 14}, Shape{3, 3, 48, 5, 30}}) {
        const int positions = shape.past + shape.count;
        const auto row = static_cast<size_t>(shape.heads * shape.width);
        const auto key_row = static_cast<size_t>(shape.key_heads * shape.width);
        const auto query = normal_values(row * static_cast<size_t>(shape.count), 1);
        const auto key = normal_values(key_row * static_cast<size_t>(positions), 2);
        const auto value = normal_values(key_row * static_cast<size_t>(positions), 3);
        const auto expected =
            expected_attention(query, key, value, shape.heads, shape.key_heads, shape.width, shape.past);
        for (const Storage storage : {Storage::F32, Storage::F16}) {
            LanguageMemory memory({storage, 2, shape.key_heads, shape.width});
            for (int position = 0; position < positions; ++position) {
                // As a sequence grows: what it has stays.
                memory.reserve(position + 1);
                for (int head = 0; head < shape.key_heads; ++head) {
                    const size_t offset =
                        static_cast<size_t>(position) * key_row + static_cast<size_t>(head * shape.width);
                    memory.write(1, head, position, &key[offset], &value[offset]);
                }
                memory.extend(1);
            }
            for (const KernelSet* kernels : agora::kernel_sets()) {
                const std::string set = kernels->name;
                CAPTURE(set);
                CAPTURE(shape.width);
                std::vector<float> output(query.size());
                const CausalAttention attention{&memory,       1,          shape.heads, query.data(),
                                                output.data(), shape.past, shape.count};
                for (int head = 0; head < shape.key_heads; ++head) {
                    for (int block = 0; block < CausalAttention::blocks(*kernels, shape.count); ++block)
                        agora::attend_block(*kernels, attention, head, block);
                }
                CHECK(relative_error(output, expected) < (storage == Storage::F32 ? 1e-6 : 1e-3));
            }
        }
    }
}

TEST_CASE("RMS norm, gates and rotations agree with double arithmetic on every instruction set") {
    const int width = 96;
    const auto x = normal_values(width, 4, 3);
    const auto other = normal_values(width, 5);
    double squares = 0;
    for (const float value : x) squares += std::pow(value, 2) / width;
    std::vector<double> norm, gated, turned(width);
    for (size_t i = 0; i < x.size(); ++i) {
        norm.push_back(x[i] / std::sqrt(squares + 1e-3) * other[i]);
        gated.push_back(x[i] / (1 + std::exp(-static_cast<double>(x[i]))) * other[i]);
    }
    const std::vector<float> cosines(other.begin(), other.begin() + width / 2);
    const std::vector<float> sines(other.begin() + width / 2, other.end());
    for (size_t i = 0; i < width / 2; ++i) {
        turned[i] = static_cast<double>(x[i]) * cosines[i] - static_cast<double>(x[i + width / 2]) * sines[i];
        turned[i + width / 2] =
            static_cast<double>(x[i + width / 2]) * cosines[i] + static_cast<double>(x[i]) * sines[i];
    }
    for (const KernelSet* kernels : agora::kernel_sets()) {
        const std::string set = kernels->name;
        CAPTURE(set);
        std::vector<float> row(width);
        kernels->swiglu(x.data(), other.data(), width, Arithmetic::F32, bytes(row));
        CHECK(relative_error(row, gated) < 1e-6);
        kernels->rms_norm(x.data(), width, other.data(), 1e-3f, Arithmetic::F32, bytes(row));
        CHECK(relative_error(row, norm) < 1e-6);
        for (const Arithmetic format : {Arithmetic::BF16, Arithmetic::Int8}) {
            std::vector<uint8_t> expected(agora::row_bytes(format, width));
            std::vector<uint8_t> actual(expected.size());
            kernels->narrow(row.data(), width, format, expected.data());
            kernels->rms_norm(x.data(), width, other.data(), 1e-3f, format, actual.data());
            CHECK(actual == expected);
        }
        std::vector<float> head = x;
        kernels->rotate(head.data(), cosines.data(), sines.data(), width / 2, head.data());
        CHECK(relative_error(head, turned) < 1e-6);
    }
}

TEST_CASE("blocks of q8_0 are packed as they are") {
    constexpr int kInputs = 64;
    constexpr int kOutputs = 40;
    constexpr size_t kBlockBytes = 34;
    std::mt19937 random(6);
    std::vector<uint8_t> rows(kOutputs * kInputs / 32 * kBlockBytes);
    std::vector<float> expected;
    for (size_t block = 0; block < rows.size() / kBlockBytes; ++block) {
        const ggml_fp16_t scale = ggml_fp32_to_fp16(0.001f * static_cast<float>(1 + random() % 100));
        std::memcpy(&rows[block * kBlockBytes], &scale, sizeof scale);
        for (size_t i = 0; i < 32; ++i) {
            // None need be the greatest that there is, and one may be -128.
            const auto value = static_cast<int8_t>(static_cast<int>(random() % 156) - 128);
            rows[block * kBlockBytes + 2 + i] = static_cast<uint8_t>(value);
            expected.push_back(static_cast<float>(value) * ggml_fp16_to_fp32(scale));
        }
    }
    PackedMatrix matrix(Storage::Int8, kInputs, kOutputs);
    for (int first = 0; first < kOutputs; first += 16) {
        matrix.pack_q8_0(first / 16, &rows[static_cast<size_t>(first) * kInputs / 32 * kBlockBytes],
                         std::min(16, kOutputs - first));
    }
    std::vector<float> actual(expected.size());
    for (int i = 0; i < kOutputs; ++i) matrix.unpack(i, &actual[static_cast<size_t>(i) * kInputs]);
    CHECK(actual == expected);
}
