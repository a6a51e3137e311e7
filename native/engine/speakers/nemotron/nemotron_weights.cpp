#include "engine/speakers/nemotron/nemotron_weights.h"

#include <algorithm>

#include "engine/kernels/dense.h"
#include "engine/speakers/speaker_file.h"

namespace agora {
namespace {

constexpr int kStrip = PackedMatrix::kStrip;

// [outputs][inputs][3] as [outputs][3][inputs]: a row is three frames, one behind the other.
std::vector<float> taps_first(const std::vector<float>& weights, int inputs) {
    constexpr size_t kTaps = 3;
    const auto width = static_cast<size_t>(inputs);
    std::vector<float> result(weights.size());
    for (size_t o = 0; o < weights.size() / (width * kTaps); ++o) {
        for (size_t i = 0; i < width; ++i) {
            for (size_t tap = 0; tap < kTaps; ++tap)
                result[(o * kTaps + tap) * width + i] = weights[(o * width + i) * kTaps + tap];
        }
    }
    return result;
}

}  // namespace

NemotronWeights::NemotronWeights(const NemotronFile& file, const Precision& precision, Parallel& parallel) {
    const SpeakerTensors tensors(file.path, file.tensors);
    const NemotronShape& shape = file.shape;
    const auto bias_of = [&](const std::string& name) {
        std::vector<float> bias = tensors.floats(name + ".bias");
        bias.resize((bias.size() + 31) / 32 * 32, 0.0f);
        return bias;
    };
    const auto matrix = [&](const std::string& name) {
        const TensorEntry& entry = tensors.entry(name + ".weight");
        const auto inputs = static_cast<int>(entry.ne[0]);
        const auto outputs = static_cast<int>(entry.ne[1]);
        PackedLinear layer;
        layer.weight = std::make_unique<PackedMatrix>(precision.weights, inputs, outputs);
        const bool as_it_is = entry.type == GGML_TYPE_Q8_0 && precision.weights == Storage::Int8;
        const std::vector<char> blocks = as_it_is ? tensors.raw(entry) : std::vector<char>();
        const std::vector<float> values = as_it_is ? std::vector<float>() : tensors.floats(entry.name);
        const size_t row_bytes = ggml_row_size(static_cast<ggml_type>(entry.type), inputs);
        parallel.run([&](int thread, int threads) {
            for (int first = thread * kStrip; first < outputs; first += threads * kStrip) {
                const int count = std::min(kStrip, outputs - first);
                const auto row = static_cast<size_t>(first);
                if (as_it_is) {
                    layer.weight->pack_q8_0(first / kStrip, blocks.data() + row * row_bytes, count);
                } else {
                    layer.weight->pack(first / kStrip, values.data() + row * static_cast<size_t>(inputs), count);
                }
            }
        });
        return layer;
    };
    const auto linear = [&](const std::string& name) {
        PackedLinear layer = matrix(name);
        layer.bias = bias_of(name);
        return layer;
    };
    const auto exact = [&](const std::string& name, int inputs, int outputs) {
        return pack_dense(tensors.floats(name + ".weight"), tensors.floats(name + ".bias"), inputs, outputs);
    };
    const auto norm = [&](const std::string& name) {
        return PackedNorm{tensors.floats(name + ".weight"), tensors.floats(name + ".bias")};
    };
    stack = pack_dense(tensors.floats("encoder.pre_encode.proj.weight"), {},
                       NemotronShape::kBands * NemotronShape::kStacked, shape.width);
    embed_norm = norm("encoder.embed_norm");
    for (int i = 0; i < shape.layers; ++i) {
        const std::string name = "encoder.layers." + std::to_string(i) + ".";
        layers.push_back({norm(name + "norm1"), matrix(name + "attn.w_qkv"), linear(name + "attn.out_proj"),
                          norm(name + "norm2"), linear(name + "ffn.net.0"), linear(name + "ffn.net.3")});
    }
    final_norm = norm("encoder.final_norm");
    const int head = shape.head_width;
    projection = exact("encoder_proj", shape.width, head);
    upsample = pack_dense(taps_first(tensors.floats("subpixel_upsample.weight"), head),
                          tensors.floats("subpixel_upsample.bias"), 3 * head, NemotronShape::kStacked * head);
    dense = exact("head.first_hidden_to_hidden", head, head);
    classifier = exact("head.single_hidden_to_spks", head, shape.speakers);
    silence = tensors.floats("learnable_sil_emb");
}

}  // namespace agora
