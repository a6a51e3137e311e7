// Borealis: windows of any number of requests, written together by the language model.
//
// One thread at a time runs the model (run()). While there is room, each of its rounds encodes the next waiting windows
// – one on the CPU, some at once on a GPU – and takes one step of the language model for all windows at once: the
// prompt of one that is new beside the others' tokens. A window that is done, cancelled or failed leaves at once. No
// window's result depends on which others are there.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "engine/borealis/audio_encoder.h"
#include "engine/device/parallel.h"
#include "engine/schedule/borealis_window.h"
#include "engine/schedule/window_queue.h"

namespace agora {

// What was done since the model was loaded. Seconds are wall-clock time.
struct BorealisTimings {
    size_t windows = 0;  // encoded
    double encode_seconds = 0;
    size_t prompt_rows = 0;     // computed: the audio and what follows it
    size_t shared_rows = 0;     // not computed again: the beginning of a prompt that is there already
    double prompt_seconds = 0;  // of steps that read a prompt
    size_t tokens = 0;          // generated in the other steps
    size_t steps = 0;
    double token_seconds = 0;
};

struct BorealisOptions {
    int threads = 1;
    int batch_size = 32;  // windows written together, 1 to 255
    BorealisPlace place = BorealisPlace::Cpu;
    bool share_prompts = true;  // off for measurements only
};

class BatchedBorealis {
  public:
    // Validates and loads both files; the CPU backend must be loaded, and the GPU's where it is to be used.
    // Throws ModelNotFound, ModelInvalid, OutOfMemory, DeviceUnavailable.
    BatchedBorealis(const std::string& language_path, const std::string& audio_path, const BorealisOptions& options);
    ~BatchedBorealis();
    BatchedBorealis(const BatchedBorealis&) = delete;
    BatchedBorealis& operator=(const BatchedBorealis&) = delete;

    const LanguageFile& language_file() const { return language_file_; }
    const AudioFile& audio_file() const { return audio_file_; }
    // Positions of a window for the prompts, without the audio, and the text.
    int text_capacity() const { return language_.capacity() - audio_file_.rows(); }
    BorealisTimings timings() const;

    using Done = BorealisWindow::Done;

    // Queues a window. `done` is called once, from run(). True when nobody is running the model: the caller sees to it
    // that run() is called.
    bool submit(BorealisRequest request, Done done);

    // Works until no window is left.
    void run();

  private:
    void record(const std::function<void(BorealisTimings&)>& change);
    void encode();
    std::vector<std::unique_ptr<BorealisWindow>> take_waiting();
    void prepare_spectrograms();
    void make_prompt_of(BorealisWindow& window) const;
    void admit();
    void begin(BorealisWindow& window, int sequence);
    void share_prompt(const std::vector<int>& tokens);
    void drop_cancelled();
    void leave(size_t index);
    void step();
    bool advance(BorealisWindow& window, int sequence);

    LanguageFile language_file_;
    AudioFile audio_file_;
    BorealisOptions options_;
    CpuCompute compute_;
    std::unique_ptr<GpuCompute> gpu_;  // null: the CPU does it all
    Parallel parallel_;
    AudioEncoder encoder_;
    LanguageModel language_;
    WindowQueue<BorealisWindow> queue_;

    mutable std::mutex timings_mutex_;
    BorealisTimings timings_;

    // Of the running thread alone. Encoded windows wait for a step that reads their prompt.
    std::deque<std::unique_ptr<BorealisWindow>> encoded_;
    // Windows stand at their sequences' numbers, without gaps: libllama computes neighbours together. The sequence
    // after the last one keeps the prompt's beginning.
    std::vector<std::unique_ptr<BorealisWindow>> active_;
    std::vector<int> shared_prompt_;
};

}  // namespace agora
