#include "native/engine.h"

#include <stdexcept>

#include "engine/whisper/decoder.h"
#include "engine/whisper/encoder.h"

namespace bench {

struct Engine::Parts {
    Parts(const std::string& path, int threads)
        : file(agora::read_whisper_file(path)),
          compute(threads),
          weights(path, file, compute.device()),
          encoder(weights, file.hparams, compute),
          decoder(weights, file.hparams, compute),
          window(new_window()) {}

    std::unique_ptr<agora::KeyValues> new_window() const {
        return std::make_unique<agora::KeyValues>(file.hparams.n_text_layer, file.hparams.n_text_head,
                                                  agora::Encoder::kFrames);
    }

    const float* run(const std::vector<int>& tokens) {
        std::vector<agora::DecoderInput> inputs;
        for (size_t i = 0; i < sequences.size(); ++i) {
            inputs.push_back({sequences[i].get(), windows[i].get(), past, tokens});
        }
        past += static_cast<int>(tokens.size());
        return decoder.run(inputs, nullptr);
    }

    agora::WhisperFile file;
    agora::CpuCompute compute;
    agora::WhisperWeights weights;
    agora::Encoder encoder;
    agora::Decoder decoder;
    std::unique_ptr<agora::KeyValues> window;  // of the last window encoded
    std::vector<std::unique_ptr<agora::KeyValues>> windows, sequences;
    int past = 0;
};

Engine::Engine(const std::string& path, int threads, const std::string& compute_type)
    : parts_(std::make_unique<Parts>(path, threads)) {
    const std::string& own = parts_->file.weight_type;
    if (compute_type != own) {
        throw std::invalid_argument("the engine computes this model as " + own + ", not as " + compute_type);
    }
}

Engine::~Engine() = default;

int Engine::mel_bands() const {
    return parts_->file.hparams.n_mels;
}

int Engine::vocabulary() const {
    return parts_->file.hparams.n_vocab;
}

void Engine::encode(const std::vector<float>& mel, size_t windows) {
    for (size_t i = 0; i < windows; ++i) parts_->encoder.run(mel.data(), *parts_->window, nullptr);
}

std::vector<float> Engine::encoder_output() const {
    return parts_->encoder.output();
}

void Engine::start_sequences(size_t batch, const std::vector<int>& tokens) {
    parts_->past = 0;
    parts_->sequences.clear();
    parts_->windows.resize(batch);
    for (auto& window : parts_->windows) {
        parts_->sequences.push_back(parts_->decoder.new_sequence());
        if (!window) window = parts_->new_window();
        window->copy_from(*parts_->window, agora::Encoder::kFrames);
    }
    parts_->run(tokens);
}

const float* Engine::step(int token) {
    return parts_->run({token});
}

}  // namespace bench
