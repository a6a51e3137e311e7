// The audio side of Borealis: Whisper's encoder, and the adapter that makes its frames rows of the language model.
#pragma once

#include <memory>

#include "engine/audio/log_mel.h"
#include "engine/borealis/audio_file.h"
#include "engine/borealis/place.h"
#include "engine/device/host_buffer.h"
#include "engine/encoder/batch_encoder.h"
#include "engine/model/tensor_memory.h"

namespace agora {

class AudioEncoder {
  public:
    // Loads what read_audio_file() has found; `compute` is that of `place`.
    // Throws ModelInvalid, OutOfMemory, DeviceUnavailable.
    AudioEncoder(const std::string& path, const AudioFile& file, Compute& compute, BorealisPlace place);
    AudioEncoder(const AudioEncoder&) = delete;
    AudioEncoder& operator=(const AudioEncoder&) = delete;

    // Windows that one run takes at most.
    size_t batch() const { return batch_; }
    // What makes its spectrograms.
    const LogMel& log_mel() const { return log_mel_; }

    // Takes spectrograms [bands][3000] of 1 to batch() windows; what it had before is lost.
    void begin(const std::vector<const float*>& spectrograms);
    // Computes for about so many seconds, or to the end where it does not work in parts.
    Progress go_on(double seconds, const std::atomic<bool>* stop);
    // What it made of them when it is done: AudioFile::rows() rows of the language model's width for each, one window
    // after another; valid until the next call.
    const float* rows();
    // All at once. Null when stopped.
    const float* run(const std::vector<const float*>& spectrograms, const std::atomic<bool>* stop);

    // For tests: what the encoder made of a window of the last run, [1500][D].
    std::vector<float> encoded(size_t window = 0) const { return last().output(static_cast<int>(window)); }

  private:
    EncoderHead head(const AudioFile& file) const;
    const Encoder& last() const { return packed_encoder_ ? *packed_encoder_ : batch_encoder_->last(); }

    size_t batch_;
    TensorMemory adapter_;
    LogMel log_mel_;
    HostBuffer rows_;
    // As the CPU kernels read it …
    PackedEncoderWeights packed_weights_;
    std::unique_ptr<Encoder> packed_encoder_;
    // … or, on other devices and in shapes that those do not take, as ggml does.
    std::unique_ptr<TensorMemory> tensors_;
    EncoderWeights weights_;
    std::unique_ptr<BatchEncoder> batch_encoder_;
};

}  // namespace agora
