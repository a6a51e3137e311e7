// The audio side of Borealis: Whisper's encoder, and the adapter that makes its frames rows of the language model.
#pragma once

#include <memory>

#include "engine/audio/log_mel.h"
#include "engine/borealis/audio_file.h"
#include "engine/model/tensor_memory.h"
#include "engine/whisper/encoder.h"

namespace agora {

class AudioEncoder {
  public:
    // Loads what read_audio_file() has found. Throws ModelInvalid, OutOfMemory.
    AudioEncoder(const std::string& path, const AudioFile& file, CpuCompute& compute);
    AudioEncoder(const AudioEncoder&) = delete;
    AudioEncoder& operator=(const AudioEncoder&) = delete;

    // `count` samples of 16 kHz, at most 30 s, to AudioFile::rows() rows of the language model's width.
    // False when stopped.
    bool run(const float* samples, size_t count, const std::atomic<bool>* stop, float* rows);

    // For tests, of the last run: the spectrogram [bands][3000] and the encoder's output [1500][D].
    const std::vector<float>& mel() const { return mel_; }
    std::vector<float> encoded() const { return encoder_->output(); }

  private:
    std::unique_ptr<Encoder> make_encoder(const std::string& path, const AudioFile& file, CpuCompute& compute);

    TensorMemory adapter_;
    LogMel log_mel_;
    std::vector<float> mel_;
    // The encoder's weights, as the CPU kernels read them or, for heads that those do not take, as ggml does.
    PackedEncoderWeights packed_;
    std::unique_ptr<TensorMemory> tensors_;
    EncoderWeights weights_;
    std::unique_ptr<Encoder> encoder_;
};

}  // namespace agora
