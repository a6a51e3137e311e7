// Dense layers and norms as the kernels read them, and how their weights are packed.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "engine/kernels/packed_matrix.h"
#include "engine/parts.h"

namespace agora {

// A dense layer. `bias` has one value for each output, filled up with zeros to a multiple of 32, or is empty.
struct PackedLinear {
    std::unique_ptr<PackedMatrix> weight;
    std::vector<float> bias;
};

struct PackedNorm {
    std::vector<float> weight, bias;
};

// A bias as PackedLinear has it.
std::vector<float> padded_bias(std::vector<float> bias);

// Weights of a convolution in time, [outputs][channels][taps], as [outputs][taps][channels]: the order of frames that
// lie one behind the other, channels last.
std::vector<float> channels_last(const std::vector<float>& weights, int channels, int taps);

// Does work(strip, first, count) for the strips of `outputs` rows that are `part`'s. Each part has strips side by side:
// memory is written for the first time, which takes the system longest, by all threads.
template <typename Work>
void each_strip(int outputs, int part, int parts, const Work& work) {
    constexpr int kStrip = PackedMatrix::kStrip;
    const int64_t strips = (outputs + kStrip - 1) / kStrip;
    for (int64_t strip = strips * part / parts; strip < strips * (part + 1) / parts; ++strip) {
        const int first = static_cast<int>(strip) * kStrip;
        work(static_cast<int>(strip), first, std::min(kStrip, outputs - first));
    }
}

// Writes the weights of rows first, …, first + count - 1 to `rows`, [count][inputs], from any thread; `bytes` is
// memory that it may use, and use again.
using ReadRows = std::function<void(int first, int count, float* rows, std::vector<char>& bytes)>;

// Fills the strips of `matrix` from `first_strip` on with `outputs` rows.
void pack_rows(PackedMatrix& matrix, int first_strip, int outputs, const InParts& in_parts, const ReadRows& read);

// A layer of weights [outputs][inputs] and a bias of [outputs], or none.
PackedLinear pack_linear(const std::vector<float>& weights, const std::vector<float>& bias, int inputs, int outputs,
                         Storage storage = Storage::F32, const InParts& in_parts = in_one_part);

}  // namespace agora
