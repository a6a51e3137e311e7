#include "native/engine.h"

#include <stdexcept>

#include "engine/decoder/cross_projection.h"
#include "engine/decoder/packed_decoder.h"
#include "engine/encoder/encoder.h"

namespace bench {
namespace {

agora::Precision precision_of(const std::string& compute_type, const agora::WhisperFile& file,
                              const agora::KernelSet& kernels) {
    const auto type = agora::parse_compute_type(compute_type);
    if (!type) throw std::invalid_argument("there is no compute type " + compute_type);
    return agora::choose_precision(*type, file.is_quantised(), kernels);
}

}  // namespace

struct Engine::Parts {
    Parts(const std::string& path, int threads, const std::string& compute_type)
        : file(agora::read_whisper_file(path)),
          compute(threads),
          precision(precision_of(compute_type, file, kernels)),
          weights(path, file, precision),
          projection(weights.decoder, precision, kernels, compute),
          encoder(weights.encoder, agora::encoder_shape(file.hparams), precision, kernels, compute,
                  [this](ggml_context* context, ggml_tensor* encoded) { return projection.build(context, encoded); }),
          decoder(weights.decoder, file.hparams, precision, kernels, compute) {}

    void encode(const std::vector<float>& mel, size_t window) {
        while (windows.size() <= window) windows.push_back(decoder.new_window());
        projection.write_to(*windows[window]);
        encoder.run(mel.data(), nullptr);
    }

    const float* run(const std::vector<int>& tokens) {
        std::vector<agora::DecoderInput> inputs;
        for (size_t i = 0; i < sequences.size(); ++i) {
            inputs.push_back({sequences[i].get(), windows[i].get(), past, tokens});
        }
        past += static_cast<int>(tokens.size());
        return decoder.run(inputs, nullptr);
    }

    const agora::KernelSet& kernels = *agora::kernel_sets().front();
    agora::WhisperFile file;
    agora::CpuCompute compute;
    agora::Precision precision;
    agora::PackedWhisperWeights weights;
    agora::CrossProjection projection;
    agora::Encoder encoder;
    agora::PackedDecoder decoder;
    std::vector<float> mel;
    std::vector<std::unique_ptr<agora::WindowMemory>> windows;
    std::vector<std::unique_ptr<agora::SequenceMemory>> sequences;
    int past = 0;
};

Engine::Engine(const std::string& path, int threads, const std::string& compute_type)
    : parts_(std::make_unique<Parts>(path, threads, compute_type)) {}

Engine::~Engine() = default;

int Engine::mel_bands() const {
    return parts_->file.hparams.n_mels;
}

int Engine::vocabulary() const {
    return parts_->file.hparams.n_vocab;
}

void Engine::encode(const std::vector<float>& mel, size_t windows) {
    parts_->mel = mel;
    for (size_t i = 0; i < windows; ++i) parts_->encode(mel, 0);
}

std::vector<float> Engine::encoder_output() const {
    return parts_->encoder.output();
}

void Engine::start_sequences(size_t batch, const std::vector<int>& tokens) {
    parts_->past = 0;
    parts_->sequences.clear();
    for (size_t i = 0; i < batch; ++i) {
        parts_->sequences.push_back(parts_->decoder.new_sequence());
        if (i >= parts_->windows.size()) parts_->encode(parts_->mel, i);
    }
    parts_->run(tokens);
}

const float* Engine::step(int token) {
    return parts_->run({token});
}

}  // namespace bench
