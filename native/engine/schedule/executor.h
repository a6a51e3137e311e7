// Runs the steps of a device's models, one at a time, as its scheduler chooses.
//
// It has no thread: whoever is told so – by `start`, else by submit() – sees to it that step() is called, again and
// again as long as that says so. A step is short where the model allows, so that the caller can let others have its
// thread between two of them.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "engine/schedule/scheduler.h"

namespace agora {

// Steps are no longer than this where the model allows.
inline constexpr Seconds kStepSeconds = 0.05;

// Of a clock that never goes back.
Seconds steady_seconds();

// A window on its way through a model.
class Task {
  public:
    virtual ~Task() = default;

    virtual bool cancelled() const = 0;
    // Tells who waits for it what came of it: its failure, or what it has. Called once, when nothing of it is left in
    // the executor, so that whoever has his answer finds its place free. Takes no memory, so that no answer is lost.
    virtual void answer() = 0;

    void fail(std::exception_ptr error) {
        next.reset();
        failure = std::move(error);
    }

    // What it needs next; nothing when it is done or has failed.
    std::optional<Work> next = Work::Encode;
    std::exception_ptr failure;
    // Its encoding goes on with the next step.
    bool begun = false;
    // The last step did nothing for it, as there was no room beside the others: it has no share in what that took, nor
    // in its failure.
    bool left_out = false;
    // That was for want of memory, and lasts until some of the others have gone.
    bool refused = false;
};

using Tasks = std::vector<Task*>;

// Computes windows in steps. Used by one thread at a time.
class SteppedModel {
  public:
    virtual ~SteppedModel() = default;

    // Takes a step and leaves in each task what it needs next. Where it throws, all tasks of the step fail that are not
    // done and were not left out; others may have been failed by it. `ahead`: tasks that are likely to be encoded after
    // this step.
    virtual void take_step(Work work, const Tasks& tasks, const Tasks& ahead) = 0;
    // Windows that take_step() wants to know of ahead.
    virtual size_t looks_ahead() const { return 0; }
    // A task that it has had goes: cancelled, or failed.
    virtual void forget(Task& task) = 0;
};

class Executor {
  public:
    // `start` is to have step() called by others, and called itself when a window comes while nobody does that. It must
    // not call step() itself. Where it throws, the window is not taken. Empty: submit() says so. `now`: a clock.
    explicit Executor(std::function<void()> start = {}, std::function<Seconds()> now = steady_seconds)
        : start_(std::move(start)), now_(std::move(now)) {}
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;

    // The model stays where it is until remove(), before which its tasks are done.
    ModelId add(SteppedModel& model, const Budget& budget);
    void remove(ModelId model);

    // True when nobody calls step(): the caller has become the one who sees to it. From any thread, as all members.
    // Where it throws, the task is gone, and everything else as it was.
    bool submit(ModelId model, std::unique_ptr<Task> task, const JobTraits& traits);

    // Takes a step. True when it is to be called again; else nobody is to, until the next window comes. Never throws.
    bool step();
    // Until there is nothing to do.
    void run() {
        while (step()) {
        }
    }

    // Answers tasks that have been cancelled, as the next step would: when this returns, they are gone. Waits for a
    // step in progress.
    void drop_cancelled();

    JobCounts counts(ModelId model) const;

  private:
    struct Entry {
        JobId id;
        ModelId model_id;
        SteppedModel* model;
        std::unique_ptr<Task> task;
    };
    using Entries = std::vector<Entry>;
    using Lock = std::unique_lock<std::mutex>;

    bool take_step();
    void answer_cancelled();
    static void answer(const Entries& entries);
    Entries extract(bool (*is_wanted)(const Task&));
    Task* task_of(JobId id) const;
    void settle(const Step& step, Seconds elapsed);
    void bill(const Step& step, Seconds elapsed);

    const std::function<void()> start_;
    const std::function<Seconds()> now_;
    const std::exception_ptr cancelled_ = std::make_exception_ptr(cancelled());
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    Scheduler scheduler_;
    std::vector<std::pair<ModelId, SteppedModel*>> models_;
    Entries entries_;        // oldest first
    bool running_ = false;   // somebody calls step()
    bool stepping_ = false;  // models are in use
    int dropping_ = 0;       // threads that wait to drop what is cancelled
};

}  // namespace agora
