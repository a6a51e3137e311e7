// Runs the steps of a device's models, one at a time, as its scheduler chooses.
//
// It has no thread: whoever is told so by submit() sees to it that step() is called, again and again as long as that
// says so. A step is short where the model allows, so the caller can let others have its thread between two of them.
#pragma once

#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/schedule/scheduler.h"

namespace agora {

// Steps are no longer than this where the model allows.
inline constexpr Seconds kStepSeconds = 0.05;

// A window on its way through a model.
class Task {
  public:
    virtual ~Task() = default;

    virtual bool cancelled() const = 0;
    // Answers with an error. Not called once it has been answered.
    virtual void fail(std::exception_ptr error) = 0;

    // What it needs next; none once it has been answered.
    std::optional<Work> next = Work::Encode;
    // Its encoding goes on with the next step.
    bool begun = false;
    // There was no memory for it beside the others in the batch.
    bool refused = false;
};

using Tasks = std::vector<Task*>;

// Computes windows in steps. Used by one thread at a time.
class SteppedModel {
  public:
    virtual ~SteppedModel() = default;

    // Takes a step and leaves in each task what it needs next. Where it throws, all tasks of the step fail; others may
    // have been failed by it. `ahead`: tasks that are likely to be encoded after this step.
    virtual void take_step(Work work, const Tasks& tasks, const Tasks& ahead) = 0;
    // Windows that take_step() wants to know of ahead.
    virtual size_t looks_ahead() const { return 0; }
    // A task that it has had goes: cancelled, or failed.
    virtual void forget(Task& task) = 0;
};

class Executor {
  public:
    Executor() = default;
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;

    // The model stays where it is until remove(), before which its tasks are done.
    ModelId add(SteppedModel& model, const Budget& budget);
    void remove(ModelId model);

    // True when nobody calls step(): the caller has become the one who sees to it. From any thread, as all members.
    bool submit(ModelId model, std::unique_ptr<Task> task, const JobTraits& traits);

    // Takes a step. True when it is to be called again; else nobody is to, until submit() says so. Never throws.
    bool step();
    // Until there is nothing to do.
    void run() {
        while (step()) {
        }
    }

    // Answers tasks that have been cancelled, and forgets them, as the next step would: when this returns, they are
    // gone. Waits for a step in progress.
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
    Entries extract(bool (*is_wanted)(const Task&));
    Task* task_of(JobId id) const;
    void settle(const Step& step, Seconds elapsed);

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
