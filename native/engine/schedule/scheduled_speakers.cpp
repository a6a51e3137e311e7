#include "engine/schedule/scheduled_speakers.h"

namespace agora {
namespace {

// Streams in the middle of their work: beside its stream's own memory, none takes any.
constexpr size_t kStreams = 1024;

}  // namespace

ScheduledSpeakers::ScheduledSpeakers(std::shared_ptr<NemotronModel> model, std::shared_ptr<Executor> executor,
                                     Seconds part)
    : model_(std::move(model)), part_(part), executor_(executor ? std::move(executor) : std::make_shared<Executor>()) {
    Budget budget;
    budget.windows = kStreams;
    budget.sequences = kStreams;
    model_id_ = executor_->add(*this, budget);
}

ScheduledSpeakers::~ScheduledSpeakers() {
    executor_->remove(model_id_);
}

bool ScheduledSpeakers::submit(SpeakersRequest request, SpeakersTask::Done done) {
    const JobTraits traits = request.turn;
    return executor_->submit(model_id_, std::make_unique<SpeakersTask>(std::move(request), std::move(done)), traits);
}

void ScheduledSpeakers::take_step(Work, const Tasks& tasks, const Tasks&) {
    auto& task = *static_cast<SpeakersTask*>(tasks.front());
    const SpeakersRequest& request = task.request;
    NemotronStream& stream = *request.stream;
    if (!task.is_given) {
        task.is_given = true;
        stream.give(request.samples.data(), request.samples.size());
        if (request.look) stream.look();
        if (request.last) stream.end();
        stream.forget_before(request.forget);
    }
    // Samples that complete no step leave the network to whom it works for.
    if (!stream.needs_network()) {
        task.next.reset();
        return;
    }
    if (working_ != nullptr && working_ != &task) {
        working_->begun = false;
        working_->request.stream->lose_step();
    }
    working_ = &task;
    const Progress progress = stream.work(part_, request.cancelled.get());
    task.begun = stream.is_within_step();
    if (!task.begun) working_ = nullptr;
    if (progress == Progress::Done) task.next.reset();
}

void ScheduledSpeakers::forget(Task& task) {
    if (working_ == &task) working_ = nullptr;
}

}  // namespace agora
