#include "engine/schedule/scheduler.h"

#include <algorithm>

namespace agora {
namespace {

// Of the time that a request's first window needs alone, what later ones and those of others may take meanwhile, …
constexpr double kMostDelay = 0.33;
// … and how much longer the company of others in its rounds may make it.
constexpr double kMostCompany = 1.2;

void approach(double& average, double value) {
    average = average == 0 ? value : average + (value - average) / 8;
}

}  // namespace

ModelId Scheduler::add_model(const Budget& budget) {
    const ModelId id = ++last_id_;
    Model& model = models_[id];
    model.id = id;
    model.budget = budget;
    return id;
}

JobId Scheduler::add(ModelId model, const JobTraits& traits) {
    const JobId id = ++last_id_;
    if (jobs_.size() == jobs_.capacity()) jobs_.reserve(2 * jobs_.size() + 8);
    Request& request = turns_.arrive(traits.request, traits.priority, id);
    jobs_.push_back({id, &models_.at(model), traits, &request});
    return id;
}

const Scheduler::Job& Scheduler::find(JobId id) const {
    return *std::lower_bound(jobs_.begin(), jobs_.end(), id,
                             [](const Job& job, JobId wanted) { return job.id < wanted; });
}

Scheduler::Job& Scheduler::job(JobId id) {
    return jobs_[static_cast<size_t>(&find(id) - jobs_.data())];
}

void Scheduler::remove(JobId id) {
    Job& gone = job(id);
    Model& model = *gone.model;
    leave_batch(gone);
    if (begun(gone) == id) begun(gone) = 0;
    // Steps of live work are no windows like others.
    if (gone.is_first() && gone.request->rounds > 0 && gone.traits.priority != Priority::Live) {
        approach(model.encoding, gone.request->encoding);
        approach(model.rounds, static_cast<double>(gone.request->rounds));
    }
    turns_.leave(*gone.request, id);
    jobs_.erase(jobs_.begin() + (&gone - jobs_.data()));
}

JobCounts Scheduler::counts(ModelId model) const {
    JobCounts counts;
    for (const Job& job : jobs_) {
        if (job.model->id == model) ++(job.admitted ? counts.running : counts.waiting);
    }
    return counts;
}

void Scheduler::needs(JobId id, Work work, bool goes_on) {
    Job& changed = job(id);
    round_due_ = round_due_ || (changed.work == Work::Encode && !goes_on);
    changed.work = work;
    JobId& held = begun(changed);
    if (goes_on) {
        held = id;
    } else if (held == id) {
        held = 0;
    }
}

void Scheduler::join_batch(Job& job) {
    if (job.admitted) return;
    job.admitted = true;
    ++job.request->running;
    ++job.model->windows;
    job.model->live += job.traits.priority == Priority::Live;
    job.model->sequences += job.traits.sequences;
    job.model->bytes += job.traits.bytes;
}

void Scheduler::leave_batch(Job& job) {
    if (!job.admitted) return;
    job.admitted = false;
    --job.request->running;
    --job.model->windows;
    job.model->live -= job.traits.priority == Priority::Live;
    job.model->sequences -= job.traits.sequences;
    job.model->bytes -= job.traits.bytes;
}

void Scheduler::refuse(JobId id) {
    Job& refused = job(id);
    leave_batch(refused);
    Budget& budget = refused.model->budget;
    budget.sequences = std::max(budget.windows, refused.model->sequences);
}

// Of those encodings that a model has begun with beside each other.
size_t Scheduler::lane(const Job& job) {
    return job.traits.priority == Priority::Live && job.model->budget.live_lane ? 1 : 0;
}

// Whether two windows cannot be encoded beside each other.
bool Scheduler::contend(const Job& a, const Job& b) {
    return a.model == b.model && lane(a) == lane(b);
}

// The first window in the batch of its request.
bool Scheduler::is_express(const Job& job) {
    return job.traits.priority != Priority::Bulk && job.request->running == 0;
}

// Whether there is a place for it beside those that are planned.
bool Scheduler::fits(const Job& candidate, const Jobs& planned) {
    const Model& model = *candidate.model;
    size_t windows = model.windows + 1;
    size_t sequences = model.sequences + candidate.traits.sequences;
    size_t bytes = model.bytes + candidate.traits.bytes;
    for (const Job* job : planned) {
        if (job->admitted) continue;
        ++windows;
        sequences += job->traits.sequences;
        bytes += job->traits.bytes;
    }
    const Budget& budget = model.budget;
    if (windows == 1) return true;  // however large it is
    if (bytes > budget.bytes) return false;
    const bool is_live = candidate.traits.priority == Priority::Live;
    // Places that are there for live work take none away.
    const size_t extra = is_live ? budget.live : std::min(budget.live, model.live);
    if (windows <= budget.windows + extra && sequences <= budget.sequences + extra) return true;
    if (!is_express(candidate)) return false;
    const size_t places = budget.windows + budget.express + extra;
    return windows <= places && sequences <= budget.sequences / budget.windows * places;
}

// Of two jobs of the same priority, which is next.
bool Scheduler::before(const Job& a, const Job& b) {
    if (a.traits.priority == Priority::Live && a.traits.deadline != b.traits.deadline)
        return a.traits.deadline < b.traits.deadline;
    if (a.had() != b.had()) return a.had() < b.had();
    if (a.is_first() != b.is_first()) return a.is_first();
    if (a.traits.deadline != b.traits.deadline) return a.traits.deadline < b.traits.deadline;
    return a.id < b.id;
}

// Whether encoding a window leaves the first text of every request in time.
bool Scheduler::may_delay(const Job& candidate, const Jobs& planned) const {
    if (candidate.traits.priority == Priority::Bulk || candidate.is_first()) return true;
    const Model& model = *candidate.model;
    bool in_time = true;
    bool has_had_less = true;  // than any of those that it would delay: it is due its share
    const auto consider = [&](const Job& first) {
        const Request& request = *first.request;
        if (request.priority != candidate.traits.priority) return;
        has_had_less = has_had_less && candidate.had() < first.had();
        const double rounds_left = std::max(0.0, first.model->rounds - static_cast<double>(request.rounds));
        const auto joining = static_cast<double>(planned.size() + 1);
        // Its own later windows are in its rounds to the end, if they are once.
        const double company = joining + static_cast<double>(std::max<size_t>(request.running, 1) - 1);
        const Seconds delay = model.encoding_step * joining + model.another * rounds_left * company;
        const Seconds alone = first.model->is_known() ? std::max(first.model->alone(), request.own) : request.own;
        in_time = in_time && alone > 0 && request.others + delay <= kMostDelay * alone;
    };
    for (const Job* first : first_jobs_) consider(*first);
    for (const Job* job : planned) {
        if (job->is_first() && !job->admitted) consider(*job);
    }
    return in_time || has_had_less;
}

// Who does not wait for a window that is half encoded: a more urgent one, and the first of a request.
const Scheduler::Job* Scheduler::displacing(const Job& held) const {
    const Job* found = nullptr;
    if (held.displaced) return found;
    for (const Job& job : jobs_) {
        if (!contend(job, held) || job.work != Work::Encode || job.id == held.id) continue;
        const bool more_urgent = job.traits.priority < held.traits.priority;
        const bool comes_first = job.traits.priority == held.traits.priority && job.traits.priority != Priority::Bulk &&
                                 job.is_first() && !held.is_first() && job.had() <= held.had();
        if (!(more_urgent || comes_first) || !(job.admitted || fits(job, {}))) continue;
        const bool better = found == nullptr || job.traits.priority < found->traits.priority ||
                            (job.traits.priority == found->traits.priority && before(job, *found));
        if (better) found = &job;
    }
    return found;
}

// What holds the encoder for good is as urgent as what waits for it.
Priority Scheduler::urgency(const Job& held) const {
    Priority most = held.traits.priority;
    if (begun(held) != held.id || !held.displaced) return most;
    for (const Job& job : jobs_) {
        if (!contend(job, held) || job.work != Work::Encode) continue;
        if (job.traits.priority < most && (job.admitted || fits(job, {}))) most = job.traits.priority;
    }
    return most;
}

// The most urgent with something to do first, unless others are owed their share.
std::vector<Priority> Scheduler::priorities_in_turn() const {
    ByPriority<bool> able;
    for (const Job& job : jobs_) {
        if (job.work != Work::Encode) {
            able[job.traits.priority] = true;
        } else if (begun(job) == job.id) {
            able[urgency(job)] = true;
            if (const Job* other = displacing(job)) able[other->traits.priority] = true;
        } else if (begun(job) == 0 && !able[job.traits.priority]) {
            able[job.traits.priority] = job.admitted || fits(job, {});
        }
    }
    std::vector<Priority> turns;
    for (const Priority priority : kPriorities) {
        if (able[priority]) turns.push_back(priority);
    }
    std::stable_sort(turns.begin(), turns.end(), [this](Priority a, Priority b) {
        return std::max(0.0, floors_.credit(a)) > std::max(0.0, floors_.credit(b));
    });
    return turns;
}

// The window that is encoded next, and those that the encoder takes along.
Scheduler::Jobs Scheduler::encode_step(Priority priority) const {
    const auto goes_on = [](const Job& job) { return job.admitted || begun(job) == job.id; };
    Jobs able;
    std::map<const Model*, const Job*> heads;  // next in turn for a place
    for (const auto& [id, model] : models_) {
        for (const JobId holder : model.begun) {
            if (holder == 0) continue;
            const Job& held = find(holder);
            const Job* other = displacing(held);
            if (urgency(held) == priority) able.push_back(&held);
            if (other != nullptr && other->traits.priority == priority) able.push_back(heads[&model] = other);
        }
    }
    for (const Job& job : jobs_) {
        if (job.work != Work::Encode || begun(job) != 0 || job.traits.priority != priority) continue;
        if (goes_on(job) || fits(job, {})) able.push_back(&job);
        if (goes_on(job)) continue;
        const Job*& head = heads[job.model];
        if (head == nullptr || before(job, *head)) head = &job;
    }
    std::sort(able.begin(), able.end(), [](const Job* a, const Job* b) { return before(*a, *b); });
    Jobs chosen;
    for (const Job* job : able) {
        if (!chosen.empty() && (job->model != chosen.front()->model || !may_delay(*job, chosen))) continue;
        // Who is too large for what is left is not passed by, but for places that he has no use of.
        const bool takes_turn = goes_on(*job) || is_express(*job) || fits(*heads[job->model], {});
        if (!takes_turn || !(goes_on(*job) || fits(*job, chosen))) continue;
        chosen.push_back(job);
        if (begun(*job) == job->id || chosen.size() >= job->model->budget.encoder_batch) break;
    }
    return chosen;
}

// What a request has had whose first window is held up too much by others that have text: of several, the least.
std::optional<Seconds> Scheduler::slowed_down(const Model& model) const {
    std::optional<Seconds> least;
    for (const Job* first : first_jobs_) {
        const Request& request = *first->request;
        if (first->model != &model || first->work != Work::Decode || request.priority == Priority::Bulk) continue;
        if (request.others > kMostCompany * request.own) least = std::min(least.value_or(first->had()), first->had());
    }
    return least;
}

Step Scheduler::round(Priority priority, const Job& best) const {
    Step step{best.model->id, Work::Decode, {}};
    const std::optional<Seconds> slowed = slowed_down(*best.model);
    for (const Job& job : jobs_) {
        if (job.model != best.model || job.work != Work::Decode) continue;
        const Request& request = *job.request;
        const bool ahead_of_first = !request.answered && request.others > kMostDelay * request.own;
        const bool passes_first = slowed && job.had() >= *slowed;
        const bool may_wait = job.traits.priority == Priority::Interactive && !job.is_first();
        const bool steps_aside = may_wait && (ahead_of_first || passes_first);
        // Whoever's turn it is has it: the device would do nothing instead.
        const bool included = &job == &best || (job.traits.priority <= priority && !steps_aside);
        if (included || floors_.owes(job.traits.priority)) step.jobs.push_back(job.id);
    }
    return step;
}

// What a step is for is in the batch from then on.
Step Scheduler::step_of(Work work, const Jobs& chosen) {
    Step step{chosen.front()->model->id, work, {}};
    for (const Job* each : chosen) step.jobs.push_back(each->id);
    for (const JobId id : step.jobs) {
        Job& each = job(id);
        JobId& held = begun(each);
        if (work == Work::Encode && held != 0 && held != id) {
            job(held).displaced = true;
            held = 0;
        }
        join_batch(each);
    }
    return step;
}

const Scheduler::Job* Scheduler::best(Priority priority, Work work) const {
    const Job* found = nullptr;
    // Models take turns at rounds by all that was done for their requests, first windows too.
    const auto had = [](const Job& job) { return job.request->used + job.request->unpaid; };
    for (const Job& job : jobs_) {
        if (job.traits.priority != priority || job.work != work) continue;
        const bool by_time = work == Work::Decode && priority != Priority::Live;
        if (found == nullptr || (by_time ? had(job) < had(*found) : before(job, *found))) found = &job;
    }
    return found;
}

std::optional<Step> Scheduler::next_of(Priority priority) {
    if (const Job* settle = best(priority, Work::Settle)) return step_of(Work::Settle, {settle});
    const Job* decode = best(priority, Work::Decode);
    if (decode == nullptr || !round_due_) {
        const Jobs encode = encode_step(priority);
        // Live work is done by its deadlines, not side by side.
        const bool is_late = !encode.empty() && decode != nullptr && priority == Priority::Live &&
                             decode->traits.deadline < encode.front()->traits.deadline;
        const bool serves_others = !encode.empty() && encode.front()->traits.priority != priority;
        if (!encode.empty() && !is_late && (decode == nullptr || serves_others || may_delay(*encode.front(), {})))
            return step_of(Work::Encode, encode);
    }
    if (decode == nullptr) return std::nullopt;
    return round(priority, *decode);
}

std::optional<Step> Scheduler::next() {
    first_jobs_.clear();
    for (const Job& job : jobs_) {
        if (job.admitted && job.is_first()) first_jobs_.push_back(&job);
    }
    for (const Priority priority : priorities_in_turn()) {
        if (std::optional<Step> step = next_of(priority)) return step;
    }
    return std::nullopt;
}

void Scheduler::took(const Step& step, Seconds elapsed) {
    ByPriority<bool> waits;
    for (const Job& each : jobs_) waits[each.traits.priority] = true;
    double total = 0;
    const auto weight = [&](const Job& each) {
        return step.work == Work::Decode ? static_cast<double>(each.traits.sequences) : 1.0;
    };
    for (const JobId id : step.jobs) total += weight(job(id));
    ByPriority<Seconds> parts;
    std::vector<std::pair<Request*, Seconds>> shares;
    for (const JobId id : step.jobs) {
        const Job& each = job(id);
        const Seconds share = elapsed * weight(each) / total;
        parts[each.traits.priority] += share;
        shares.emplace_back(each.request, share);
    }
    turns_.charge(shares);
    floors_.charge(elapsed, parts, waits);
    if (!step.jobs.empty()) learn(models_.at(step.model), step, elapsed);
    note_first_jobs(step, elapsed);
    if (step.work == Work::Decode) round_due_ = false;
}

void Scheduler::learn(Model& model, const Step& step, Seconds elapsed) {
    // By windows: how many of its sequences a window really has in a round is not known here, and most have one.
    const auto windows = static_cast<double>(step.jobs.size());
    if (step.work == Work::Encode) approach(model.encoding_step, elapsed / windows);
    if (step.work != Work::Decode) return;
    if (windows <= 2 || model.round == 0) approach(model.round, elapsed);
    if (windows > 2) {
        model.round = std::min(model.round, elapsed);
        approach(model.another, (elapsed - model.round) / (windows - 1));
    }
}

// What the step was for the first windows that are on their way.
void Scheduler::note_first_jobs(const Step& step, Seconds elapsed) {
    for (const Job& first : jobs_) {
        if (!first.is_first() || !first.admitted) continue;
        Request& request = *first.request;
        if (std::find(step.jobs.begin(), step.jobs.end(), first.id) == step.jobs.end()) {
            request.others += elapsed;
            continue;
        }
        // A round of its own would have been shorter.
        const bool company = step.work == Work::Decode && step.jobs.size() > 1 && first.model->round > 0;
        const Seconds own = company ? std::min(elapsed, first.model->round) : elapsed;
        request.own += own;
        request.others += elapsed - own;
        if (step.work == Work::Decode) ++request.rounds;
        if (step.work == Work::Encode) request.encoding += elapsed / static_cast<double>(step.jobs.size());
    }
}

std::vector<JobId> Scheduler::ahead(const Step& step, size_t count) const {
    std::vector<const Job*> waiting;
    for (const Job& job : jobs_) {
        const bool taken = std::find(step.jobs.begin(), step.jobs.end(), job.id) != step.jobs.end();
        if (job.model->id == step.model && job.work == Work::Encode && !taken) waiting.push_back(&job);
    }
    const size_t visible = std::min(count, waiting.size());
    std::partial_sort(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(visible), waiting.end(),
                      [this](const Job* a, const Job* b) {
                          if (a->traits.priority != b->traits.priority) return a->traits.priority < b->traits.priority;
                          return before(*a, *b);
                      });
    std::vector<JobId> ids;
    for (size_t i = 0; i < visible; ++i) ids.push_back(waiting[i]->id);
    return ids;
}

}  // namespace agora
