// Borealis: windows of any number of requests, written together by the language model.
//
// An executor runs it in steps: the encoder for a window – on the CPU in parts, on a GPU for some windows at once – and
// rounds of the language model for all windows at once: the prompt of one that is new beside the others' tokens. A
// window that is done, cancelled or failed leaves between two of them. No window's result depends on which others are
// there.
#pragma once

#include <functional>
#include <memory>

#include "engine/borealis/audio_encoder.h"
#include "engine/device/parallel.h"
#include "engine/schedule/borealis_window.h"
#include "engine/schedule/executor.h"

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

class BatchedBorealis final : public SteppedModel {
  public:
    // Validates and loads both files; the CPU backend must be loaded, and the GPU's where it is to be used.
    // `executor`: of the device; null: one of its own.
    // Throws ModelNotFound, ModelInvalid, OutOfMemory, DeviceUnavailable.
    BatchedBorealis(const std::string& language_path, const std::string& audio_path, const BorealisOptions& options,
                    std::shared_ptr<Executor> executor = nullptr);
    ~BatchedBorealis() override;
    BatchedBorealis(const BatchedBorealis&) = delete;
    BatchedBorealis& operator=(const BatchedBorealis&) = delete;

    const LanguageFile& language_file() const { return language_file_; }
    const AudioFile& audio_file() const { return audio_file_; }
    // Positions of a window for the prompts, without the audio, and the text.
    int text_capacity() const { return language_.capacity() - audio_file_.rows(); }
    BorealisTimings timings() const;

    using Done = BorealisWindow::Done;

    // Queues a window. `done` is called once, from a step. True when nobody runs the executor: the caller sees to it.
    bool submit(BorealisRequest request, Done done);

    // Has the executor work until there is nothing to do.
    void run() { executor_->run(); }

    void take_step(Work work, const Tasks& tasks, const Tasks& ahead) override;
    size_t looks_ahead() const override;
    void forget(Task& task) override;

  private:
    using Windows = std::vector<BorealisWindow*>;

    void record(const std::function<void(BorealisTimings&)>& change);
    void encode(const Windows& windows, const Tasks& ahead);
    void begin_encoding(const Windows& windows);
    void take_audio(const Windows& heard);
    void prepare_spectrograms(const Tasks& ahead) const;
    void make_prompt_of(BorealisWindow& window) const;
    void admit(const Windows& windows);
    void begin(BorealisWindow& window, int sequence);
    void share_prompt(const std::vector<int>& tokens);
    void fail_all(const std::exception_ptr& error);
    void leave(size_t index);
    void decode(const Windows& windows, const Tasks& ahead);
    bool advance(BorealisWindow& window, int sequence);

    LanguageFile language_file_;
    AudioFile audio_file_;
    BorealisOptions options_;
    CpuCompute compute_;
    std::unique_ptr<GpuCompute> gpu_;  // null: the CPU does it all
    Parallel parallel_;
    AudioEncoder encoder_;
    LanguageModel language_;

    mutable std::mutex timings_mutex_;
    BorealisTimings timings_;

    Windows encoding_;  // that the encoder has begun with
    // Windows stand at their sequences' numbers, without gaps: libllama computes neighbours together. The sequence
    // after the last one that there can be keeps the prompt's beginning.
    Windows active_;
    int shared_sequence_;
    std::vector<int> shared_prompt_;

    std::shared_ptr<Executor> executor_;
    ModelId model_id_;
};

}  // namespace agora
