#include "engine/model/packed_whisper_weights.h"

#include <algorithm>

#include "engine/model/named_tensors.h"

namespace agora {
namespace {

// Of a layer of a block, by its name.
Storage storage_of(const std::string& name, const Precision& precision) {
    const auto has = [&](const char* part) { return name.find(part) != std::string::npos; };
    const bool encoder = name.rfind("encoder.", 0) == 0;
    if (has(".cross_attn.key") || has(".cross_attn.value") || (encoder && has(".mlp.")))
        return precision.long_weights();
    return encoder ? precision.projection_weights() : precision.weights;
}

}  // namespace

PackedWhisperWeights::PackedWhisperWeights(const std::string& path, const WhisperFile& file, const Precision& precision,
                                           const InParts& in_parts) {
    const NamedTensors tensors(path, file.tensors);
    const auto linear = [&](const std::string& name) { return tensors.linear({name}, precision.weights, in_parts); };
    const auto norm = [&](const std::string& name) { return tensors.norm(name); };
    const auto blocks = [&](const std::string& side, int count, bool cross) {
        const auto layer = [&](const std::string& name) {
            return tensors.linear({name}, storage_of(name, precision), in_parts);
        };
        return read_blocks<PackedLinear, PackedNorm>(side, count, cross, layer, norm);
    };
    // A file may have been read for its decoder alone.
    if (tensors.has("encoder.conv1.weight")) {
        encoder.position = tensors.floats("encoder.positional_embedding");
        encoder.conv1 = tensors.convolution("encoder.conv1", precision.convolutions, in_parts);
        encoder.conv2 = tensors.convolution("encoder.conv2", precision.convolutions, in_parts);
        encoder.norm = norm("encoder.ln_post");
        encoder.blocks = blocks("encoder", file.hparams.n_audio_layer, false);
    }
    decoder.position = tensors.floats("decoder.positional_embedding");
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
    const auto bias_of = [&](const Linear& layer) {
        return layer.bias == nullptr ? std::vector<float>() : padded_bias(floats(layer.bias));
    };
    const auto packed_linear = [&](const Linear& layer, Storage storage) {
        const ggml_tensor* weight = layer.weight;
        const int64_t inputs = weight->ne[0];
        const auto outputs = static_cast<int>(weight->ne[1]);
        PackedLinear packed;
        packed.weight = std::make_unique<PackedMatrix>(storage, static_cast<int>(inputs), outputs);
        pack_rows(*packed.weight, 0, outputs, in_parts,
                  [&](int first, int count, float* rows, const std::vector<char>&) {
                      read(weight, first * inputs, count * inputs, rows);
                  });
        packed.bias = bias_of(layer);
        return packed;
    };
    const auto linear = [&](const Linear& layer) { return packed_linear(layer, precision.projection_weights()); };
    const auto convolution = [&](const Linear& layer) {
        const auto taps = static_cast<int>(layer.weight->ne[0]);
        const auto channels = static_cast<int>(layer.weight->ne[1]);
        return pack_linear(channels_last(floats(layer.weight), channels, taps), bias_of(layer), taps * channels,
                           static_cast<int>(layer.weight->ne[2]), precision.convolutions, in_parts);
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
        result.up = packed_linear(block.up, precision.long_weights());
        result.down = packed_linear(block.down, precision.long_weights());
        packed.blocks.push_back(std::move(result));
    }
    return packed;
}

}  // namespace agora
