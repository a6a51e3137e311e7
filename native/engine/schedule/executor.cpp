#include "engine/schedule/executor.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

namespace agora {
namespace {

void fail(SteppedModel& model, Task& task, const std::exception_ptr& error) {
    if (!task.next) return;
    task.fail(error);
    model.forget(task);
}

}  // namespace

Seconds steady_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

ModelId Executor::add(SteppedModel& model, const Budget& budget) {
    const Lock lock(mutex_);
    const ModelId id = scheduler_.add_model(budget);
    models_.emplace_back(id, &model);
    return id;
}

void Executor::remove(ModelId model) {
    const Lock lock(mutex_);
    scheduler_.remove_model(model);
    models_.erase(std::remove_if(models_.begin(), models_.end(), [=](const auto& each) { return each.first == model; }),
                  models_.end());
}

bool Executor::submit(ModelId model, std::unique_ptr<Task> task, const JobTraits& traits) {
    const Lock lock(mutex_);
    const auto found =
        std::find_if(models_.begin(), models_.end(), [=](const auto& each) { return each.first == model; });
    if (entries_.size() == entries_.capacity()) entries_.reserve(2 * entries_.size() + 8);
    entries_.push_back({scheduler_.add(model, traits), model, found->second, std::move(task)});
    if (running_) return false;
    if (start_) {
        try {
            start_();
        } catch (...) {
            scheduler_.remove(entries_.back().id);
            task = std::move(entries_.back().task);
            entries_.pop_back();
            throw;
        }
    }
    running_ = true;
    return !start_;
}

JobCounts Executor::counts(ModelId model) const {
    const Lock lock(mutex_);
    return scheduler_.counts(model);
}

bool Executor::step() {
    try {
        return take_step();
    } catch (...) {
        // No memory to choose a step by: there may be some again when others have had their turn.
        const Lock lock(mutex_);
        stepping_ = false;
        changed_.notify_all();
        return true;
    }
}

bool Executor::take_step() {
    {
        Lock lock(mutex_);
        changed_.wait(lock, [this] { return !stepping_ && dropping_ == 0; });
        stepping_ = true;
    }
    answer_cancelled();
    Lock lock(mutex_);
    const std::optional<Step> step = scheduler_.next();
    if (step) {
        SteppedModel* model = nullptr;
        Tasks tasks;
        Tasks ahead;
        for (const JobId id : step->jobs) tasks.push_back(task_of(id));
        for (const auto& [id, each] : models_) {
            if (id == step->model) model = each;
        }
        if (const size_t count = model->looks_ahead()) {
            for (const JobId id : scheduler_.ahead(*step, count)) ahead.push_back(task_of(id));
        }
        lock.unlock();
        const Seconds start = now_();
        try {
            model->take_step(step->work, tasks, ahead);
        } catch (...) {
            for (Task* task : tasks) {
                if (!task->left_out) fail(*model, *task, std::current_exception());
            }
        }
        settle(*step, now_() - start);
        lock.lock();
    }
    running_ = !entries_.empty();
    stepping_ = false;
    changed_.notify_all();
    return running_;
}

void Executor::drop_cancelled() {
    Lock lock(mutex_);
    ++dropping_;
    changed_.wait(lock, [this] { return !stepping_; });
    --dropping_;
    stepping_ = true;
    lock.unlock();
    try {
        answer_cancelled();
    } catch (...) {
        // The next step tries again.
    }
    lock.lock();
    stepping_ = false;
    changed_.notify_all();
}

// Of the one who has the models.
void Executor::answer_cancelled() {
    const Entries cancelled = extract([](const Task& task) { return !task.next || task.cancelled(); });
    for (const Entry& entry : cancelled) fail(*entry.model, *entry.task, cancelled_);
    answer(cancelled);
    // Here their tasks go, and perhaps their model with them.
}

// Of tasks that were taken out: who waits for one may ask for the counts at once.
void Executor::answer(const Entries& entries) {
    for (const Entry& entry : entries) {
        try {
            entry.task->answer();
        } catch (...) {
            // Who waits for it is gone.
        }
    }
}

// Takes tasks out. Where there is no memory for that, they stay.
Executor::Entries Executor::extract(bool (*is_wanted)(const Task&)) {
    const Lock lock(mutex_);
    std::vector<Entry*> wanted;
    for (Entry& entry : entries_) {
        if (is_wanted(*entry.task)) wanted.push_back(&entry);
    }
    Entries extracted;
    extracted.reserve(wanted.size());
    for (Entry* entry : wanted) {
        scheduler_.remove(entry->id);
        extracted.push_back(std::move(*entry));
    }
    entries_.erase(std::remove_if(entries_.begin(), entries_.end(), [](const Entry& entry) { return !entry.task; }),
                   entries_.end());
    return extracted;
}

Task* Executor::task_of(JobId id) const {
    const auto entry = std::lower_bound(entries_.begin(), entries_.end(), id,
                                        [](const Entry& each, JobId wanted) { return each.id < wanted; });
    return entry->task.get();
}

// Tells the scheduler how long a step took, of those that took part in it.
void Executor::bill(const Step& step, Seconds elapsed) {
    try {
        Step taken{step.model, step.work, {}};
        for (const JobId id : step.jobs) {
            if (!task_of(id)->left_out) taken.jobs.push_back(id);
        }
        scheduler_.took(taken, elapsed);
    } catch (const std::bad_alloc&) {
        // Nobody is charged for it.
    }
}

// Tells the scheduler what came of a step, and answers the tasks that are done.
void Executor::settle(const Step& step, Seconds elapsed) {
    {
        const Lock lock(mutex_);
        bill(step, elapsed);
        for (const JobId id : step.jobs) {
            Task& task = *task_of(id);
            task.left_out = false;
            if (!task.next) continue;
            scheduler_.needs(id, *task.next, task.begun);
            if (std::exchange(task.refused, false)) scheduler_.refuse(id);
        }
    }
    answer(extract([](const Task& task) { return !task.next; }));
}

}  // namespace agora
