// A window's spectrogram, computed on a thread of its own while the device is busy with the windows before.
#pragma once

#include <exception>
#include <future>
#include <vector>

#include "engine/audio/log_mel.h"

namespace agora {

class SpectrogramAhead {
  public:
    bool is_prepared() const { return spectrogram_.valid(); }

    // `count` samples, as LogMel::compute() takes them, which stay where they are until take(), or this is gone.
    void prepare(const LogMel& log_mel, const float* samples, size_t count) {
        if (is_prepared()) return;
        try {
            spectrogram_ = std::async(std::launch::async, [&log_mel, samples, count] {
                return compute(log_mel, samples, count, in_one_part);
            });
        } catch (const std::exception&) {
            // No thread or memory to be had: then it is computed when it is asked for.
        }
    }

    // What prepare() was called for, or else `samples`: [bands][3000].
    std::vector<float> take(const LogMel& log_mel, const float* samples, size_t count, const InParts& in_parts) {
        return is_prepared() ? spectrogram_.get() : compute(log_mel, samples, count, in_parts);
    }

  private:
    static std::vector<float> compute(const LogMel& log_mel, const float* samples, size_t count,
                                      const InParts& in_parts) {
        std::vector<float> mel(static_cast<size_t>(log_mel.bands()) * LogMel::kFrames);
        log_mel.compute(samples, count, mel.data(), in_parts);
        return mel;
    }

    std::future<std::vector<float>> spectrogram_;
};

}  // namespace agora
