// The engine's encoder and decoder put together by hand, and whisper.cpp beside them.
#pragma once

#include <doctest/doctest.h>
#include <whisper.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/decoder/cross_projection.h"
#include "engine/decoder/packed_decoder.h"
#include "engine/encoder/encoder.h"
#include "engine/log.h"
#include "engine/reference/whisper_cpp.h"
#include "numbers.h"

constexpr agora::ComputeType kComputeTypes[] = {
    agora::ComputeType::F32,  agora::ComputeType::F16,     agora::ComputeType::BF16,
    agora::ComputeType::Int8, agora::ComputeType::Int8F16, agora::ComputeType::Int8BF16,
};

// Relative error that a compute type may have against exact arithmetic.
inline double bound_of(agora::ComputeType type) {
    switch (type) {
        case agora::ComputeType::F32:
            return 1e-5;
        case agora::ComputeType::F16:
            return 1e-3;
        case agora::ComputeType::BF16:
            return 1e-2;
        default:
            return 3e-2;
    }
}

struct Parts {
    Parts(const std::string& path, agora::ComputeType type,
          const agora::KernelSet& kernels = *agora::kernel_sets().front())
        : kernels(kernels),
          file(agora::read_whisper_file(path)),
          compute(2),
          precision(agora::choose_precision(type, file.is_quantised(), kernels)),
          weights(path, file, precision),
          projection(weights.decoder, precision, kernels, compute),
          encoder(weights.encoder, agora::encoder_shape(file.hparams, precision.type == agora::ComputeType::F32),
                  precision, kernels, compute,
                  [this](ggml_context* context, ggml_tensor* encoded) { return projection.build(context, encoded); }),
          decoder(weights.decoder, file.hparams, precision, kernels, compute),
          window(decoder.new_window()) {}

    // Spectrogram [bands][3000] to the encoder's output [1500][D], which decode() looks at from then on.
    std::vector<float> encode(const std::vector<float>& mel) {
        projection.write_to(*window);
        REQUIRE(encoder.run(mel.data(), nullptr));
        return encoder.output();
    }

    // Logits of the last token.
    std::vector<float> decode(const std::vector<int>& tokens) {
        const auto self = decoder.new_sequence();
        const float* logits = decoder.run({{self.get(), window.get(), 0, tokens}}, nullptr);
        return {logits, logits + file.hparams.n_vocab};
    }

    const agora::KernelSet& kernels;
    agora::WhisperFile file;
    agora::CpuCompute compute;
    agora::Precision precision;
    agora::PackedWhisperWeights weights;
    agora::CrossProjection projection;
    agora::Encoder encoder;
    agora::PackedDecoder decoder;
    std::unique_ptr<agora::WindowMemory> window;
};

// whisper.cpp's own, on the same model.
struct Reference {
    // Flash attention, its default, adds up in half precision.
    explicit Reference(const std::string& path, bool flash_attention = true) {
        agora::capture_logs();
        whisper_context_params params = whisper_context_default_params();
        params.use_gpu = false;
        params.flash_attn = flash_attention;
        context = whisper_init_from_file_with_params(path.c_str(), params);
        REQUIRE(context != nullptr);
    }
    ~Reference() { whisper_free(context); }
    Reference(const Reference&) = delete;
    Reference& operator=(const Reference&) = delete;

    std::vector<float> encode(const std::vector<float>& mel) const {
        const int bands = whisper_model_n_mels(context);
        REQUIRE(whisper_set_mel(context, mel.data(), static_cast<int>(mel.size()) / bands, bands) == 0);
        return encode();
    }

    // Of the spectrogram that is set.
    std::vector<float> encode() const {
        REQUIRE(whisper_encode(context, 0, 2) == 0);
        return agora::encoder_output(context);
    }

    // Logits of the last token.
    std::vector<float> decode(const std::vector<int>& tokens) const {
        const auto count = static_cast<int>(tokens.size());
        REQUIRE(whisper_decode(context, tokens.data(), count, 0, 2) == 0);
        const auto size = static_cast<size_t>(whisper_model_n_vocab(context));
        const float* last = whisper_get_logits(context) + (tokens.size() - 1) * size;
        return {last, last + size};
    }

    whisper_context* context;
};
