// Whisper model files that tests make: of random weights, and from other models.
#pragma once

#include <ggml.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>

#include "engine/model/whisper_file.h"
#include "support.h"

struct ModelShape {
    int width = 64;
    int encoder_layers = 1;
    int decoder_layers = 1;
    int text_context = 448;
    int mels = 80;
    int vocabulary = 51865;  // 51864: English only; 51866: large-v3's
};

class ModelWriter {
  public:
    // Begins a file of f32 or f16 weights (`ftype` 0 or 1) with the mel filters and the vocabulary of `source`, cut or
    // repeated where the shape wants others.
    ModelWriter(const std::string& source, const ModelShape& shape, int32_t ftype) {
        const agora::WhisperFile file = agora::read_whisper_file(source);
        const Bytes bytes = read_file(source);
        const int32_t heads = shape.width / 64;
        append<uint32_t>(0x67676d6c);
        for (const int32_t value : {shape.vocabulary, 1500, shape.width, heads, shape.encoder_layers,
                                    shape.text_context, shape.width, heads, shape.decoder_layers, shape.mels, ftype})
            append(value);
        constexpr int32_t kFrequencyBins = 201;
        constexpr size_t kFilters = 14 * sizeof(int32_t);
        append(shape.mels);
        append(kFrequencyBins);
        for (int32_t band = 0; band < shape.mels; ++band) {
            const size_t row = static_cast<size_t>(band % file.hparams.n_mels) * kFrequencyBins * sizeof(float);
            append(bytes.data() + kFilters + row, kFrequencyBins * sizeof(float));
        }
        int32_t count;
        std::memcpy(&count, bytes.data() + file.vocabulary_offset, sizeof(count));
        // English-only models lack one token of text.
        if (shape.vocabulary < 51865) count = 50256;
        append(count);
        size_t offset = file.vocabulary_offset + sizeof(count);
        for (int32_t i = 0; i < count; ++i) {
            int32_t length;
            std::memcpy(&length, bytes.data() + offset, sizeof(length));
            append(bytes.data() + offset, sizeof(length) + static_cast<size_t>(length));
            offset += sizeof(length) + static_cast<size_t>(length);
        }
    }

    // `data` as it stands in the file.
    void add(const std::string& name, int32_t type, const std::vector<int64_t>& ne, const void* data, size_t bytes) {
        append(static_cast<int32_t>(ne.size()));
        append(static_cast<int32_t>(name.size()));
        append(type);
        for (const int64_t n : ne) append(static_cast<int32_t>(n));
        append(name.data(), name.size());
        append(data, bytes);
    }

    const Bytes& bytes() const { return bytes_; }

  private:
    template <typename T>
    void append(T value) {
        append(&value, sizeof(value));
    }
    void append(const void* data, size_t count) {
        const auto* begin = static_cast<const uint8_t*>(data);
        bytes_.insert(bytes_.end(), begin, begin + count);
    }

    Bytes bytes_;
};

// A model that knows nothing, with the vocabulary of the demo model. `ftype`: 0 for f32, 1 for f16.
inline Bytes random_model(const ModelShape& shape, uint32_t seed, int32_t ftype = 0) {
    ModelWriter writer(kDemoModelF16, shape, ftype);
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const auto add = [&](const std::string& name, const std::vector<int64_t>& ne, float scale, float mean = 0) {
        size_t count = 1;
        for (const int64_t n : ne) count *= static_cast<size_t>(n);
        std::vector<float> values(count);
        for (float& value : values) value = mean + scale * normal(random);
        const bool matrix = ne.size() > 1 && ne[0] > 1 && name.find("positional") == std::string::npos;
        if (ftype == 1 && matrix) {
            std::vector<ggml_fp16_t> halves(count);
            ggml_fp32_to_fp16_row(values.data(), halves.data(), static_cast<int64_t>(count));
            writer.add(name, GGML_TYPE_F16, ne, halves.data(), count * sizeof(ggml_fp16_t));
        } else {
            writer.add(name, GGML_TYPE_F32, ne, values.data(), count * sizeof(float));
        }
    };
    const int64_t width = shape.width;
    const float scale = 1 / std::sqrt(static_cast<float>(width));
    const auto norm = [&](const std::string& name) {
        add(name + ".weight", {width}, 0.1f, 1);
        add(name + ".bias", {width}, 0.1f);
    };
    const auto attention = [&](const std::string& name) {
        for (const char* part : {".query", ".key", ".value", ".out"})
            add(name + part + ".weight", {width, width}, scale);
        for (const char* part : {".query", ".value", ".out"}) add(name + part + ".bias", {width}, 0.1f);
        norm(name + "_ln");
    };
    const auto block = [&](const std::string& prefix, bool cross) {
        attention(prefix + "attn");
        if (cross) attention(prefix + "cross_attn");
        norm(prefix + "mlp_ln");
        add(prefix + "mlp.0.weight", {width, 4 * width}, scale);
        add(prefix + "mlp.0.bias", {4 * width}, 0.1f);
        add(prefix + "mlp.2.weight", {4 * width, width}, scale / 2);
        add(prefix + "mlp.2.bias", {width}, 0.1f);
    };
    add("encoder.positional_embedding", {width, 1500}, 1);
    add("encoder.conv1.weight", {3, shape.mels, width}, 0.1f);
    add("encoder.conv1.bias", {1, width}, 0.1f);
    add("encoder.conv2.weight", {3, width, width}, 0.1f);
    add("encoder.conv2.bias", {1, width}, 0.1f);
    norm("encoder.ln_post");
    for (int i = 0; i < shape.encoder_layers; ++i) block("encoder.blocks." + std::to_string(i) + ".", false);
    add("decoder.positional_embedding", {width, shape.text_context}, 1);
    add("decoder.token_embedding.weight", {width, shape.vocabulary}, 0.5f);
    norm("decoder.ln");
    for (int i = 0; i < shape.decoder_layers; ++i) block("decoder.blocks." + std::to_string(i) + ".", true);
    return writer.bytes();
}

// `source` with the first `layers` layers of its decoder alone: what a distil model begins as.
inline Bytes with_decoder_layers(const std::string& source, int layers) {
    const agora::WhisperFile file = agora::read_whisper_file(source);
    const agora::WhisperHyperParameters& h = file.hparams;
    ModelWriter writer(source, {h.n_audio_state, h.n_audio_layer, layers, h.n_text_ctx, h.n_mels, h.n_vocab}, h.ftype);
    const Bytes bytes = read_file(source);
    const std::string blocks = "decoder.blocks.";
    for (const agora::TensorEntry& tensor : file.tensors) {
        if (tensor.name.rfind(blocks, 0) == 0 && std::stoi(tensor.name.substr(blocks.size())) >= layers) continue;
        writer.add(tensor.name, tensor.type, tensor.ne, bytes.data() + tensor.offset, tensor.bytes);
    }
    return writer.bytes();
}
