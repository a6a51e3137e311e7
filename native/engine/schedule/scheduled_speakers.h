// Nemotron's diarization as work of a device: recordings and live streams of any number of requests, whose steps an
// executor runs between those of other models, in short parts, by priority. A live one that needs the network takes it
// from a recording in the middle of a step, which begins anew later: what a stream finds depends on nothing else.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/schedule/executor.h"
#include "engine/speakers/nemotron/nemotron.h"

namespace agora {

// What a stream is to work off. One at a time of each stream.
struct SpeakersRequest {
    std::shared_ptr<NemotronStream> stream;
    std::vector<float> samples;  // 16 kHz mono, that come next
    bool look = false;           // and have it look at what is behind its last step
    bool last = false;           // nothing comes after
    double forget = 0;           // seconds of the stream: who spoke before is asked for no more; 0: all is kept
    std::shared_ptr<const std::atomic<bool>> cancelled;
    JobTraits turn;  // whose it is, and how urgent
};

// A stream is of no use any more after an error.
struct SpeakersOutcome {
    std::exception_ptr error;
};

class SpeakersTask final : public Task {
  public:
    using Done = std::function<void(SpeakersOutcome)>;

  private:
    // The first member: it may hold the model, which goes after what refers to it.
    Done done_;

  public:
    SpeakersTask(SpeakersRequest request, Done done) : done_(std::move(done)), request(std::move(request)) {}

    bool cancelled() const override { return request.cancelled->load(std::memory_order_relaxed); }
    void answer() override { done_({failure}); }

    SpeakersRequest request;
    bool is_given = false;  // the stream has the samples
};

class ScheduledSpeakers final : public SteppedModel {
  public:
    // `executor`: of the CPU; null: one of its own. `part`: what is worked on at once, about.
    explicit ScheduledSpeakers(std::shared_ptr<NemotronModel> model, std::shared_ptr<Executor> executor = nullptr,
                               Seconds part = kStepSeconds);
    ~ScheduledSpeakers() override;
    ScheduledSpeakers(const ScheduledSpeakers&) = delete;
    ScheduledSpeakers& operator=(const ScheduledSpeakers&) = delete;

    // Queues work. `done` is called once, from a step. True when nobody runs the executor: the caller sees to it.
    bool submit(SpeakersRequest request, SpeakersTask::Done done);

    // Has the executor work until there is nothing to do.
    void run() { executor_->run(); }

    void take_step(Work work, const Tasks& tasks, const Tasks& ahead) override;
    void forget(Task& task) override;

  private:
    std::shared_ptr<NemotronModel> model_;
    Seconds part_;
    SpeakersTask* working_ = nullptr;  // whose step the network is in the middle of
    std::shared_ptr<Executor> executor_;
    ModelId model_id_;
};

}  // namespace agora
