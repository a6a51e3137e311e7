// Whisper's encoder for several windows at once, on ggml's operations, which every device has.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "engine/device/host_buffer.h"
#include "engine/encoder/encoder.h"

namespace agora {

class BatchEncoder {
  public:
    // Windows that one run takes at most. Rows of more gain nothing, and take memory.
    static constexpr size_t kWindows = 4;

    // The head of an encoder for a number of windows.
    using HeadOf = std::function<EncoderHead(int windows)>;

    // `weights` must outlive this. They may lack an encoder's layers where nothing is ever run.
    BatchEncoder(const EncoderWeights& weights, const EncoderShape& shape, Compute& compute, HeadOf head_of);

    // Takes the memory that batches of up to `windows` need. Throws OutOfMemory; DeviceUnavailable where the device
    // lacks an operation.
    void reserve(int windows);

    // Spectrograms [bands][3000], 1 to kWindows of them. Throws as reserve() does.
    void begin(const std::vector<const float*>& spectrograms);
    // False when stopped.
    bool finish(const std::atomic<bool>* stop);
    // That of the last run.
    const Encoder& last() const { return *last_; }

    // The encoder that the next run of so many windows uses. Throws as reserve() does.
    Encoder& of(int windows);
    // Has encoders built anew, as what their heads write to is gone.
    void forget();

  private:
    const EncoderWeights& weights_;
    EncoderShape shape_;
    Compute& compute_;
    HeadOf head_of_;
    // Memory for one window, and for one number of several.
    std::map<int, std::unique_ptr<Encoder>> encoders_;
    Encoder* last_ = nullptr;  // that ran
    HostBuffer mel_;
};

}  // namespace agora
