#include "engine/model/packed_whisper_weights.h"

#include <algorithm>
#include <fstream>
#include <map>

#include "engine/error.h"
#include "engine/model/finite.h"

namespace agora {
namespace {

// A tensor's data in host memory. Its rows are of ne[0] values.
struct HostTensor {
    ggml_type type;
    int64_t ne[3];
    const char* data;

    int64_t count() const { return ne[0] * ne[1] * ne[2]; }
};

// `count` values from value `first` on; both lie on a row's border.
void read_floats(const HostTensor& tensor, int64_t first, int64_t count, float* output) {
    const char* data = tensor.data + ggml_row_size(tensor.type, first);
    if (tensor.type == GGML_TYPE_F32) {
        std::copy_n(reinterpret_cast<const float*>(data), count, output);
    } else {
        ggml_get_type_traits(tensor.type)->to_float(data, output, count);
    }
}

std::vector<float> floats(const HostTensor& tensor) {
    std::vector<float> values(static_cast<size_t>(tensor.count()));
    read_floats(tensor, 0, tensor.count(), values.data());
    return values;
}

PackedLinear pack_matrix(const HostTensor& tensor, Storage storage) {
    const auto inputs = static_cast<int>(tensor.ne[0]);
    const auto outputs = static_cast<int>(tensor.ne[1]);
    PackedLinear layer;
    layer.weight = std::make_unique<PackedMatrix>(storage, inputs, outputs);
    std::vector<float> rows(static_cast<size_t>(inputs) * PackedMatrix::kStrip);
    for (int first = 0; first < outputs; first += PackedMatrix::kStrip) {
        const int count = std::min(PackedMatrix::kStrip, outputs - first);
        read_floats(tensor, static_cast<int64_t>(first) * inputs, static_cast<int64_t>(count) * inputs, rows.data());
        layer.weight->pack(first / PackedMatrix::kStrip, rows.data(), count);
    }
    return layer;
}

// [3, channels, outputs], taps innermost, to inputs in the order in which frames of channels lie behind each other.
PackedLinear pack_convolution(const HostTensor& tensor, Storage storage) {
    const int64_t taps = tensor.ne[0];
    const int64_t channels = tensor.ne[1];
    const int64_t outputs = tensor.ne[2];
    const std::vector<float> source = floats(tensor);
    std::vector<float> ordered(source.size());
    for (int64_t output = 0; output < outputs; ++output) {
        for (int64_t channel = 0; channel < channels; ++channel) {
            for (int64_t tap = 0; tap < taps; ++tap) {
                ordered[static_cast<size_t>((output * taps + tap) * channels + channel)] =
                    source[static_cast<size_t>((output * channels + channel) * taps + tap)];
            }
        }
    }
    return pack_matrix({GGML_TYPE_F32, {taps * channels, outputs, 1}, reinterpret_cast<const char*>(ordered.data())},
                       storage);
}

std::vector<float> padded_bias(std::vector<float> bias) {
    bias.resize((bias.size() + 31) / 32 * 32, 0.0f);
    return bias;
}

}  // namespace

PackedWhisperWeights::PackedWhisperWeights(const std::string& path, const WhisperFile& file,
                                           const Precision& precision) {
    std::map<std::string, const TensorEntry*> entries;
    for (const TensorEntry& entry : file.tensors) entries[entry.name] = &entry;
    std::ifstream stream(path, std::ios::binary);
    std::vector<char> bytes;
    const auto tensor = [&](const std::string& name) {
        const TensorEntry& entry = *entries.at(name);
        bytes.resize(entry.bytes);
        stream.seekg(static_cast<std::streamoff>(entry.offset));
        stream.read(bytes.data(), static_cast<std::streamsize>(entry.bytes));
        if (!stream) throw Error(ErrorCode::ModelInvalid, "The model file " + path + " changed while it was read");
        require_finite(path, entry, bytes.data());
        HostTensor result{static_cast<ggml_type>(entry.type), {1, 1, 1}, bytes.data()};
        std::copy(entry.ne.begin(), entry.ne.end(), result.ne);
        return result;
    };
    const auto with_bias = [&](PackedLinear layer, const std::string& name) {
        if (entries.count(name + ".bias") > 0) layer.bias = padded_bias(floats(tensor(name + ".bias")));
        return layer;
    };
    const auto linear = [&](const std::string& name) {
        return with_bias(pack_matrix(tensor(name + ".weight"), precision.weights), name);
    };
    const auto convolution = [&](const std::string& name) {
        return with_bias(pack_convolution(tensor(name + ".weight"), precision.convolutions), name);
    };
    const auto norm = [&](const std::string& name) {
        std::vector<float> weight = floats(tensor(name + ".weight"));
        return PackedNorm{std::move(weight), floats(tensor(name + ".bias"))};
    };
    const auto blocks = [&](const std::string& side, int count, bool cross) {
        return read_blocks<PackedLinear, PackedNorm>(side, count, cross, linear, norm);
    };
    // A file may have been read for its decoder alone.
    if (entries.count("encoder.conv1.weight") > 0) {
        encoder.position = floats(tensor("encoder.positional_embedding"));
        encoder.conv1 = convolution("encoder.conv1");
        encoder.conv2 = convolution("encoder.conv2");
        encoder.norm = norm("encoder.ln_post");
        encoder.blocks = blocks("encoder", file.hparams.n_audio_layer, false);
    }
    decoder.position = floats(tensor("decoder.positional_embedding"));
    decoder.embedding = linear("decoder.token_embedding");
    decoder.norm = norm("decoder.ln");
    decoder.blocks = blocks("decoder", file.hparams.n_text_layer, true);
}

PackedEncoderWeights pack_encoder(const EncoderWeights& weights, const Precision& precision) {
    const auto host = [](const ggml_tensor* tensor) {
        return HostTensor{
            tensor->type, {tensor->ne[0], tensor->ne[1], tensor->ne[2]}, static_cast<const char*>(tensor->data)};
    };
    const auto with_bias = [&](PackedLinear layer, const ggml_tensor* bias) {
        if (bias != nullptr) layer.bias = padded_bias(floats(host(bias)));
        return layer;
    };
    const auto linear = [&](const Linear& layer) {
        return with_bias(pack_matrix(host(layer.weight), precision.weights), layer.bias);
    };
    const auto convolution = [&](const Linear& layer) {
        return with_bias(pack_convolution(host(layer.weight), precision.convolutions), layer.bias);
    };
    const auto norm = [&](const LayerNorm& layer) {
        return PackedNorm{floats(host(layer.weight)), floats(host(layer.bias))};
    };
    PackedEncoderWeights packed;
    packed.position = floats(host(weights.position));
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
