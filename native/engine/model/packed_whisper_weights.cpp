#include "engine/model/packed_whisper_weights.h"

#include <algorithm>
#include <functional>
#include <map>

#include "engine/model/tensor_reader.h"

namespace agora {
namespace {

constexpr int kStrip = PackedMatrix::kStrip;

// Writes the weights of outputs first, …, first + count - 1 to `rows`, [count][inputs], from any thread; `bytes` is
// memory that it may use, and use again.
using ReadRows = std::function<void(int first, int count, float* rows, std::vector<char>& bytes)>;

// Strips are packed side by side: memory is written for the first time, which takes the system longest, by all threads.
PackedLinear pack_matrix(int64_t inputs, int64_t outputs, Storage storage, const InParts& in_parts,
                         const ReadRows& read) {
    PackedLinear layer;
    layer.weight = std::make_unique<PackedMatrix>(storage, static_cast<int>(inputs), static_cast<int>(outputs));
    const int64_t strips = (outputs + kStrip - 1) / kStrip;
    in_parts([&](int part, int parts) {
        std::vector<float> rows(static_cast<size_t>(inputs) * kStrip);
        std::vector<char> bytes;
        for (int64_t index = strips * part / parts; index < strips * (part + 1) / parts; ++index) {
            const auto first = static_cast<int>(index * kStrip);
            const int count = std::min(kStrip, static_cast<int>(outputs) - first);
            read(first, count, rows.data(), bytes);
            layer.weight->pack(static_cast<int>(index), rows.data(), count);
        }
    });
    return layer;
}

// `source`: [3, channels, outputs], taps innermost, to inputs in the order in which frames of channels lie behind each
// other.
PackedLinear pack_convolution(const std::vector<float>& source, const int64_t* ne, Storage storage,
                              const InParts& in_parts) {
    const int64_t taps = ne[0];
    const int64_t channels = ne[1];
    const int64_t inputs = taps * channels;
    return pack_matrix(inputs, ne[2], storage, in_parts,
                       [&](int first, int count, float* rows, const std::vector<char>&) {
                           const float* weights = source.data() + first * inputs;
                           for (int i = 0; i < count; ++i, weights += inputs) {
                               for (int64_t tap = 0; tap < taps; ++tap) {
                                   for (int64_t channel = 0; channel < channels; ++channel)
                                       *rows++ = weights[channel * taps + tap];
                               }
                           }
                       });
}

std::vector<float> padded_bias(std::vector<float> bias) {
    bias.resize((bias.size() + 31) / 32 * 32, 0.0f);
    return bias;
}

}  // namespace

PackedWhisperWeights::PackedWhisperWeights(const std::string& path, const WhisperFile& file, const Precision& precision,
                                           const InParts& in_parts) {
    std::map<std::string, const TensorEntry*> entries;
    for (const TensorEntry& entry : file.tensors) entries[entry.name] = &entry;
    const TensorReader reader(path);
    const auto floats = [&](const std::string& name) { return reader.read(*entries.at(name)); };
    const auto with_bias = [&](PackedLinear layer, const std::string& name) {
        if (entries.count(name + ".bias") > 0) layer.bias = padded_bias(floats(name + ".bias"));
        return layer;
    };
    const auto linear = [&](const std::string& name) {
        const TensorEntry& entry = *entries.at(name + ".weight");
        const int64_t inputs = entry.ne[0];
        const auto read = [&](int first, int count, float* rows, std::vector<char>& bytes) {
            reader.read(entry, first * inputs, count * inputs, rows, bytes);
        };
        // Whole windows are multiplied with the encoder's, and with those that make the decoder's cross memory.
        const auto is = [&](const char* part) { return name.find(part) != std::string::npos; };
        const bool wide = is("encoder.") || is("cross_attn.key") || is("cross_attn.value");
        const Storage storage = wide ? precision.encoder_weights : precision.weights;
        return with_bias(pack_matrix(inputs, entry.ne[1], storage, in_parts, read), name);
    };
    const auto convolution = [&](const std::string& name) {
        const TensorEntry& entry = *entries.at(name + ".weight");
        return with_bias(pack_convolution(reader.read(entry), entry.ne.data(), precision.convolutions, in_parts), name);
    };
    const auto norm = [&](const std::string& name) {
        return PackedNorm{floats(name + ".weight"), floats(name + ".bias")};
    };
    const auto blocks = [&](const std::string& side, int count, bool cross) {
        return read_blocks<PackedLinear, PackedNorm>(side, count, cross, linear, norm);
    };
    // A file may have been read for its decoder alone.
    if (entries.count("encoder.conv1.weight") > 0) {
        encoder.position = floats("encoder.positional_embedding");
        encoder.conv1 = convolution("encoder.conv1");
        encoder.conv2 = convolution("encoder.conv2");
        encoder.norm = norm("encoder.ln_post");
        encoder.blocks = blocks("encoder", file.hparams.n_audio_layer, false);
    }
    decoder.position = floats("decoder.positional_embedding");
    decoder.embedding = linear("decoder.token_embedding");
    decoder.norm = norm("decoder.ln");
    decoder.blocks = blocks("decoder", file.hparams.n_text_layer, true);
}

PackedEncoderWeights pack_encoder(const EncoderWeights& weights, const Precision& precision, const InParts& in_parts) {
    const auto read = [](const ggml_tensor* tensor, int64_t first, int64_t count, float* values) {
        const char* data = static_cast<const char*>(tensor->data) + ggml_row_size(tensor->type, first);
        if (tensor->type == GGML_TYPE_F32) {
            std::copy_n(reinterpret_cast<const float*>(data), count, values);
        } else {
            ggml_get_type_traits(tensor->type)->to_float(data, values, count);
        }
    };
    const auto floats = [&](const ggml_tensor* tensor) {
        std::vector<float> values(static_cast<size_t>(ggml_nelements(tensor)));
        read(tensor, 0, ggml_nelements(tensor), values.data());
        return values;
    };
    const auto with_bias = [&](PackedLinear layer, const ggml_tensor* bias) {
        if (bias != nullptr) layer.bias = padded_bias(floats(bias));
        return layer;
    };
    const auto linear = [&](const Linear& layer) {
        const ggml_tensor* weight = layer.weight;
        const int64_t inputs = weight->ne[0];
        const auto read_rows = [&](int first, int count, float* rows, const std::vector<char>&) {
            read(weight, first * inputs, count * inputs, rows);
        };
        return with_bias(pack_matrix(inputs, weight->ne[1], precision.encoder_weights, in_parts, read_rows),
                         layer.bias);
    };
    const auto convolution = [&](const Linear& layer) {
        const ggml_tensor* weight = layer.weight;
        return with_bias(pack_convolution(floats(weight), weight->ne, precision.convolutions, in_parts), layer.bias);
    };
    const auto norm = [&](const LayerNorm& layer) { return PackedNorm{floats(layer.weight), floats(layer.bias)}; };
    PackedEncoderWeights packed;
    packed.position = floats(weights.position);
    packed.conv1 = convolution(weights.conv1);
    packed.conv2 = convolution(weights.conv2);
    packed.norm = norm(weights.norm);
    for (const Block& block : weights.blocks) {
        PackedBlock result;
        result.self = {norm(block.self.norm), linear(block.self.query), linear(block.self.key),
                       linear(block.self.value), linear(block.self.out)};
        result.mlp_norm = norm(block.mlp_norm);
        result.up = linear(block.up);
        result.down = linear(block.down);
        packed.blocks.push_back(std::move(result));
    }
    return packed;
}

}  // namespace agora
