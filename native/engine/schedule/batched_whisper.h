// The batched engine: windows of any number of requests, decoded together.
//
// An executor runs it in steps: the encoder for a window (on a GPU for some), in parts; a round of the decoder for all
// sequences of the windows that are in the batch; what is made of a window that was decoded. A window that is done,
// cancelled or failed leaves between two of them, whether it is in the batch or waits. No window's result depends on
// which others are there.
#pragma once

#include "engine/audio/log_mel.h"
#include "engine/decoder/draft_model.h"
#include "engine/decoder/network.h"
#include "engine/device/compute.h"
#include "engine/device/parallel.h"
#include "engine/kernels/compute_type.h"
#include "engine/schedule/executor.h"
#include "engine/schedule/live_steps.h"
#include "engine/schedule/whisper_window.h"
#include "engine/schedule/window_passes.h"

namespace agora {

// How busy the engine is, and what it has done since the model was loaded.
struct BatchedLoad {
    size_t waiting = 0;  // windows that wait for a place in the batch
    size_t running = 0;  // windows in the batch
    size_t encoded = 0;  // passes of a window through the encoder
};

struct BatchedOptions {
    int threads = 1;
    bool gpu = false;       // on the first GPU of the loaded backends, else on the CPU
    bool portable = false;  // for tests: on the CPU what a GPU would run, instead of the CPU's own kernels
    int batch_size = 16;    // windows decoded together, 1 to 256
    ComputeType compute_type = ComputeType::Auto;
    std::string draft_path;  // of a model that writes ahead in greedy search; empty: none
    // For tests: what the model runs on, given what it would run on. May be empty.
    std::function<std::unique_ptr<Network>(std::unique_ptr<Network>)> around_network;
};

class BatchedWhisper final : public SteppedModel {
  public:
    // Validates and loads; the CPU backend must be loaded, and the GPU's where it is to be used. `executor`: of the
    // device; null: one of its own.
    // Throws ModelNotFound, ModelInvalid, OutOfMemory, DeviceUnavailable; InvalidArgument when the draft model has
    // another vocabulary, or a GPU is to compute in another type than the file's.
    BatchedWhisper(const std::string& path, const BatchedOptions& options,
                   std::shared_ptr<Executor> executor = nullptr);
    ~BatchedWhisper() override;
    BatchedWhisper(const BatchedWhisper&) = delete;
    BatchedWhisper& operator=(const BatchedWhisper&) = delete;

    const WhisperFile& file() const { return file_; }
    const Vocabulary& vocabulary() const { return vocabulary_; }
    // What matrices are kept and multiplied in: "float16", "int8", …, or the file's own type.
    std::string compute_type() const { return network_->compute_type(); }
    BatchedLoad load() const;

    using Done = WhisperWindow::Done;

    // Queues a window. `done` is called once, from a step. True when nobody runs the executor: the caller sees to it.
    bool submit(WindowRequest request, Done done);

    // Has the executor work until there is nothing to do.
    void run() { executor_->run(); }

    void take_step(Work work, const Tasks& tasks, const Tasks& ahead) override;
    size_t looks_ahead() const override;
    void forget(Task& task) override;

  private:
    using Windows = std::vector<WhisperWindow*>;

    Budget budget(const BatchedOptions& options) const;
    void prepare_spectrogram(WhisperWindow& window) const;
    void prepare_spectrograms(const Tasks& ahead) const;
    void encode(const Windows& windows, const Tasks& ahead);
    size_t lane_of(const WhisperWindow& window) const;
    void begin_encoding(const Windows& windows, size_t lane);
    WindowFrames frames_of(const WhisperWindow& window) const;
    bool make_room_for(WhisperWindow& window);
    void settle(WhisperWindow& window);
    bool wants_draft(const WhisperWindow& window) const;
    void begin(WhisperWindow& window, size_t place, size_t lane);
    void begin_pass(WhisperWindow& window) const;
    void settle_language(WhisperWindow& window);
    static Windows round_of(const Windows& windows);
    void propose_drafts(const Windows& windows);
    void decode(const Windows& windows, const Tasks& ahead);
    void choose(const Windows& windows, const float* logits, const std::vector<size_t>& counts);
    void read_languages(WhisperWindow& window, const float* logits) const;

    WhisperFile file_;
    Vocabulary vocabulary_;
    LogitRules rules_;
    LogMel log_mel_;
    std::unique_ptr<Compute> compute_;
    Parallel parallel_;
    std::unique_ptr<Network> network_;
    WindowPasses passes_;
    LiveSteps live_steps_;
    std::unique_ptr<DraftModel> draft_;

    std::atomic<size_t> encoded_{0};
    std::vector<Windows> encoding_;  // that the encoder has begun with, in each of its lanes
    int sequences_ = 0;              // of windows in the batch

    std::shared_ptr<Executor> executor_;
    ModelId model_id_;
};

}  // namespace agora
