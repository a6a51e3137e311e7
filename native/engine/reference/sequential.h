// whisper.cpp's own sequential decoder, whisper_full(), over windows of at most 30 s: the reference implementation.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/audio/window.h"
#include "engine/model/whisper_file.h"
#include "engine/text/transcript.h"

struct whisper_context;

namespace agora {

struct DecodeOptions {
    std::string language;  // ISO code
    bool translate = false;
    int beam_size = 1;           // 1 is greedy; 1 to 8
    int best_of = 5;             // samples at temperatures above 0; 1 to 8
    float length_penalty = -1;   // negative: plain mean
    float temperature = 0;       // first
    float temperature_step = 0;  // up to 1.0; 0: no fallback
    float entropy_threshold = 2.4f;
    float log_prob_threshold = -1.0f;
    float no_speech_threshold = 0.6f;
    std::string prompt;
    bool suppress_blank = true;
    bool suppress_non_speech = true;
    std::vector<int> suppress_tokens;
    bool without_timestamps = false;
    bool word_timestamps = false;
    int max_tokens = 0;  // 0: no limit of its own
    uint32_t seed = 0;
};

class SequentialWhisper {
  public:
    // Validates and loads. The CPU backend must be loaded; `use_gpu` needs the CUDA one too.
    // Throws ModelNotFound, ModelInvalid, OutOfMemory, DeviceUnavailable.
    SequentialWhisper(const std::string& path, bool use_gpu, int threads);
    ~SequentialWhisper();
    SequentialWhisper(const SequentialWhisper&) = delete;
    SequentialWhisper& operator=(const SequentialWhisper&) = delete;

    const WhisperFile& file() const { return file_; }

    // Tokens of `text`, as whisper.cpp splits it for a prompt.
    int count_tokens(const std::string& text) const;

    // Text of `count` samples (16 kHz mono, at most kMaxWindowSamples). Any number of threads may call at once: each
    // call has a decoder state of its own, which is kept for the next one.
    // Throws InvalidArgument, Cancelled, OutOfMemory, Internal.
    std::vector<DecodedSegment> transcribe(const float* samples, size_t count, const DecodeOptions& options,
                                           const std::atomic<bool>& cancelled);

    // Probabilities of the model's languages, most probable first. Throws as transcribe().
    DetectedLanguages detect_language(const float* samples, size_t count, const std::atomic<bool>& cancelled);

  private:
    class State;

    std::unique_ptr<State> take_state();
    void give_back(std::unique_ptr<State> state);

    WhisperFile file_;
    int threads_;
    whisper_context* context_ = nullptr;
    std::mutex mutex_;
    std::vector<std::unique_ptr<State>> idle_;
};

}  // namespace agora
