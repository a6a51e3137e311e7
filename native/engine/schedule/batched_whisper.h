// The batched engine: windows of any number of requests, decoded together.
//
// One thread at a time runs the model (run()). Each of its rounds admits waiting windows while there is room, encodes
// them, and takes one decoder step for all sequences of all admitted windows at once. A window that is done, cancelled
// or failed leaves at once, whether it is in the batch or waits. No window's result depends on which others are there.
#pragma once

#include <limits>
#include <list>

#include "engine/audio/log_mel.h"
#include "engine/decoder/draft_model.h"
#include "engine/decoder/network.h"
#include "engine/device/compute.h"
#include "engine/device/parallel.h"
#include "engine/kernels/compute_type.h"
#include "engine/schedule/whisper_window.h"
#include "engine/schedule/window_passes.h"
#include "engine/schedule/window_queue.h"

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

class BatchedWhisper {
  public:
    // Validates and loads; the CPU backend must be loaded, and the GPU's where it is to be used.
    // Throws ModelNotFound, ModelInvalid, OutOfMemory, DeviceUnavailable; InvalidArgument when the draft model has
    // another vocabulary, or a GPU is to compute in another type than the file's.
    BatchedWhisper(const std::string& path, const BatchedOptions& options);
    ~BatchedWhisper();
    BatchedWhisper(const BatchedWhisper&) = delete;
    BatchedWhisper& operator=(const BatchedWhisper&) = delete;

    const WhisperFile& file() const { return file_; }
    const Vocabulary& vocabulary() const { return vocabulary_; }
    // What matrices are kept and multiplied in: "float16", "int8", …, or the file's own type.
    std::string compute_type() const { return network_->compute_type(); }
    BatchedLoad load() const;

    using Done = WhisperWindow::Done;

    // Queues a window. `done` is called once, from run(). True when nobody is running the model: the caller sees to it
    // that run() is called.
    bool submit(WindowRequest request, Done done);

    // Works until no window is left.
    void run();

  private:
    void drop_cancelled();
    void admit();
    bool make_room_for(const WhisperWindow& window);
    bool prepare(WhisperWindow& window);
    void prepare_spectrograms();
    void listen();
    void encode(const std::vector<WhisperWindow*>& windows);
    bool wants_draft(const WhisperWindow& window) const;
    void begin(WhisperWindow& window, size_t place);
    void settle_language(WhisperWindow& window);
    void propose_drafts();
    void step();
    void choose(const float* logits, const std::vector<size_t>& counts);
    void read_languages(WhisperWindow& window, const float* logits) const;

    WhisperFile file_;
    Vocabulary vocabulary_;
    LogitRules rules_;
    LogMel log_mel_;
    std::unique_ptr<Compute> compute_;
    Parallel parallel_;
    std::unique_ptr<Network> network_;
    WindowPasses passes_;
    std::unique_ptr<DraftModel> draft_;
    size_t batch_size_;

    WindowQueue<WhisperWindow> queue_;
    std::atomic<size_t> running_{0};
    std::atomic<size_t> encoded_{0};

    // Of the running thread alone.
    std::list<std::unique_ptr<WhisperWindow>> active_;
    // So many sequences there was no memory for when it was tried last.
    int too_many_sequences_ = std::numeric_limits<int>::max();
};

}  // namespace agora
