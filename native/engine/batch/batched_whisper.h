// The batched engine: windows of any number of requests, decoded together.
//
// One thread at a time runs the model (run()). Each of its rounds admits waiting windows while there is room, encodes
// them one by one, and takes one decoder step for all sequences of all admitted windows at once. A window that is
// done, cancelled or failed leaves at once. No window's result depends on which others are there.
#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <mutex>

#include "engine/audio/log_mel.h"
#include "engine/whisper/alignment.h"
#include "engine/whisper/cross_projection.h"
#include "engine/whisper/decoder.h"
#include "engine/whisper/encoder.h"
#include "engine/whisper/sequential.h"
#include "engine/whisper/window_decoding.h"

namespace agora {

struct WindowRequest {
    std::vector<float> samples;  // 16 kHz mono, at most 30 s
    std::string language;        // empty: detect it, and nothing else
    bool translate = false;
    std::vector<int> prompt;  // tokens of the text before the window
    bool word_timestamps = false;
    SearchOptions search;
    std::shared_ptr<const std::atomic<bool>> cancelled;
};

struct WindowOutcome {
    std::vector<DecodedSegment> segments;
    std::vector<LanguageProbability> languages;  // when detected, most probable first
    std::exception_ptr error;
};

class BatchedWhisper {
  public:
    // Validates and loads; the CPU backend must be loaded. `batch_size`: windows decoded together, 1 to 256.
    // Throws ModelNotFound, ModelInvalid, OutOfMemory, DeviceUnavailable.
    BatchedWhisper(const std::string& path, int threads, int batch_size);
    ~BatchedWhisper();
    BatchedWhisper(const BatchedWhisper&) = delete;
    BatchedWhisper& operator=(const BatchedWhisper&) = delete;

    const WhisperFile& file() const { return file_; }
    const Vocabulary& vocabulary() const { return vocabulary_; }

    using Done = std::function<void(WindowOutcome)>;

    // Queues a window. `done` is called once, from run(). True when nobody is running the model: the caller sees to it
    // that run() is called.
    bool submit(WindowRequest request, Done done);

    // Works until no window is left.
    void run();

  private:
    class Window;

    void admit();
    bool prepare(Window& window);
    void encode(Window& window);
    size_t add_start_tokens(const WindowRequest& request, std::vector<int>& prompt) const;
    void settle(Window& window);
    void add_words(Window& window, double offset, std::vector<DecodedSegment>& segments);
    void step();
    void read_languages(Window& window, const float* logits) const;

    WhisperFile file_;
    Vocabulary vocabulary_;
    LogitRules rules_;
    LogMel log_mel_;
    CpuCompute compute_;
    WhisperWeights weights_;
    CrossProjection cross_projection_;
    Encoder encoder_;
    Decoder decoder_;
    std::vector<AttentionHead> alignment_heads_;
    size_t batch_size_;

    std::mutex mutex_;
    std::deque<std::unique_ptr<Window>> waiting_;
    bool running_ = false;

    // Of the running thread alone.
    std::list<std::unique_ptr<Window>> active_;
    std::vector<float> mel_;
};

}  // namespace agora
