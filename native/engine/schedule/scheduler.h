// Which step a device takes next.
//
// Work comes as jobs – windows of requests – that need one step after another: the encoder's, which has one window (or
// a few) to itself; the decoder's rounds, which all windows of a model share; and settling what was decoded. The
// scheduler only chooses: it knows no threads, models or clocks, and learns how long each step took.
//
//   - Priorities: the most urgent that has work goes first; those below have a fifth of the time between them each, as
//     long as they have work (Floors). A round has the sequences of those that it is for, and of those that are owed.
//   - Requests of one priority are encoded in turn, by how much each has had (Turns); live ones by their
//     deadlines, where those differ.
//   - Batching: when sequences wait for a round, there is at most one encoded window between two rounds.
//   - The first text of a request comes soon. As long as its first job is on its way, its own later windows and those
//     of requests that have text already are encoded only as far as they take a third of the time that the job needs
//     alone, and step aside from its rounds where their company takes too long. Bulk requests have no such rules, and
//     nothing keeps their batch from filling up at once.
//   - Budgets: windows, sequences and bytes of a model's batch. A request without a window in the batch does not wait
//     for those of others: there are a few places more for the first of each, and some for live work alone.
//   - Where a model can, it encodes live windows beside another one that it has begun with, and goes on with that
//     later.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/schedule/shares.h"

namespace agora {

using JobId = uint64_t;
using ModelId = uint64_t;

// What a job needs next.
enum class Work { Encode, Decode, Settle };

// What a model's batch has room for.
struct Budget {
    size_t windows = 1;
    size_t sequences = 5;
    size_t bytes = std::numeric_limits<size_t>::max();
    size_t encoder_batch = 1;  // windows that one run of the encoder takes
    size_t express = 0;        // windows more, for requests that have none in the batch
    size_t live = 0;           // windows more, for live work
    bool live_lane = false;    // live windows are encoded beside another one that has been begun with
};

// Places that a batch of so many windows can well have besides.
inline size_t express_windows(size_t windows) {
    return windows / 8;
}
inline size_t live_windows(size_t windows) {
    return std::max<size_t>(2, windows / 4);
}

struct JobTraits {
    uint64_t request = 0;  // 0: a request of its own
    Priority priority = Priority::Interactive;
    Seconds deadline = std::numeric_limits<Seconds>::infinity();  // on any steady clock; of live ones
    size_t sequences = 1;
    size_t bytes = 0;
};

struct Step {
    ModelId model = 0;
    Work work = Work::Encode;
    std::vector<JobId> jobs;  // several only of Encode and Decode
};

struct JobCounts {
    size_t waiting = 0;
    size_t running = 0;  // in the batch
};

class Scheduler {
  public:
    ModelId add_model(const Budget& budget);
    // It has no jobs any more.
    void remove_model(ModelId model) { models_.erase(model); }

    // A new job needs to be encoded.
    JobId add(ModelId model, const JobTraits& traits);
    // A job is done, or is wanted no more.
    void remove(JobId job);

    bool empty() const { return jobs_.empty(); }
    JobCounts counts(ModelId model) const;

    // The step to take now; none where there are no jobs. What it is for is in the batch from then on.
    std::optional<Step> next();
    // How long it took, with those jobs alone that had a part in it: there may be none. Then come needs() or remove()
    // of each that it was for.
    void took(const Step& step, Seconds elapsed);
    // What a job needs next. `goes_on`: its encoding has begun and goes on with the next step that it is given, unless
    // another window of the model, of the same lane, is given one before, which loses what was computed. That happens
    // to a job but once.
    void needs(JobId job, Work work, bool goes_on = false);
    // There was no memory to encode it beside the others in the batch: it waits until some have left, and from now on
    // the batch has no more sequences than it has now.
    void refuse(JobId job);

    // Jobs of a step's model that are likely to be encoded after it, `count` of them at most.
    std::vector<JobId> ahead(const Step& step, size_t count) const;

  private:
    struct Model {
        ModelId id = 0;
        Budget budget;
        size_t windows = 0, sequences = 0, bytes = 0;  // in the batch
        size_t live = 0;                               // of the windows
        std::array<JobId, 2> begun{};                  // whose encoding goes on, beside each other; 0: none

        // About what it takes: the encoding of a window and one step of it; a round of one window or two, and of each
        // more; and how many rounds a window has.
        Seconds encoding = 0, encoding_step = 0, round = 0, another = 0;
        double rounds = 80;

        bool is_known() const { return encoding > 0 && round > 0; }
        Seconds alone() const { return encoding + rounds * round; }  // of a window
    };
    struct Job {
        JobId id;
        Model* model;
        JobTraits traits;
        Request* request;
        Work work = Work::Encode;
        bool admitted = false;
        bool displaced = false;  // its encoding was given up once, for another's

        bool is_first() const { return request->first_job == id && !request->answered; }
        // What its request has had, as far as it counts against this job.
        Seconds had() const { return request->used + (is_first() ? 0 : request->unpaid); }
    };

    using Jobs = std::vector<const Job*>;

    const Job& find(JobId id) const;
    Job& job(JobId id);
    static size_t lane(const Job& job);
    static JobId& begun(const Job& job) { return job.model->begun[lane(job)]; }
    static bool contend(const Job& a, const Job& b);
    static bool is_express(const Job& job);
    static bool fits(const Job& job, const Jobs& planned);
    static bool before(const Job& a, const Job& b);
    bool may_delay(const Job& job, const Jobs& planned) const;
    Priority urgency(const Job& job) const;
    const Job* displacing(const Job& held) const;
    std::optional<Seconds> slowed_down(const Model& model) const;
    std::vector<Priority> priorities_in_turn() const;
    const Job* best(Priority priority, Work work) const;
    Jobs encode_step(Priority priority) const;
    std::optional<Step> next_of(Priority priority);
    Step round(Priority priority, const Job& best) const;
    Step step_of(Work work, const Jobs& jobs);
    static void join_batch(Job& job);
    static void leave_batch(Job& job);
    static void learn(Model& model, const Step& step, Seconds elapsed);
    void note_first_jobs(const Step& step, Seconds elapsed);

    std::map<ModelId, Model> models_;
    std::vector<Job> jobs_;  // oldest first
    Turns turns_;
    Floors floors_;
    bool round_due_ = false;  // a window has been encoded since the last round
    Jobs first_jobs_;         // that are on their way, while next() chooses
    uint64_t last_id_ = 0;
};

}  // namespace agora
