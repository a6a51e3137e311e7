#include "engine/kernels/packed_linear.h"

#include <utility>

namespace agora {

std::vector<float> padded_bias(std::vector<float> bias) {
    constexpr size_t kMultiple = 32;
    bias.resize((bias.size() + kMultiple - 1) / kMultiple * kMultiple, 0.0f);
    return bias;
}

std::vector<float> channels_last(const std::vector<float>& weights, int channels, int taps) {
    const auto width = static_cast<size_t>(channels);
    const auto length = static_cast<size_t>(taps);
    std::vector<float> result(weights.size());
    auto next = result.begin();
    for (size_t row = 0; row < weights.size(); row += width * length) {
        for (size_t tap = 0; tap < length; ++tap) {
            for (size_t channel = 0; channel < width; ++channel) *next++ = weights[row + channel * length + tap];
        }
    }
    return result;
}

void pack_rows(PackedMatrix& matrix, int first_strip, int outputs, const InParts& in_parts, const ReadRows& read) {
    in_parts([&](int part, int parts) {
        std::vector<float> rows(static_cast<size_t>(matrix.inputs()) * PackedMatrix::kStrip);
        std::vector<char> bytes;
        each_strip(outputs, part, parts, [&](int strip, int first, int count) {
            read(first, count, rows.data(), bytes);
            matrix.pack(first_strip + strip, rows.data(), count);
        });
    });
}

PackedLinear pack_linear(const std::vector<float>& weights, const std::vector<float>& bias, int inputs, int outputs,
                         Storage storage, const InParts& in_parts) {
    PackedLinear layer;
    layer.weight = std::make_unique<PackedMatrix>(storage, inputs, outputs);
    in_parts([&](int part, int parts) {
        each_strip(outputs, part, parts, [&](int strip, int first, int count) {
            layer.weight->pack(strip, weights.data() + static_cast<size_t>(first) * static_cast<size_t>(inputs), count);
        });
    });
    layer.bias = padded_bias(bias);
    return layer;
}

}  // namespace agora
