// Who has had how much of a device: requests of one priority take turns by it, and priorities have a floor.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "engine/schedule/priority.h"

namespace agora {

using Seconds = double;

// A request: jobs that belong together, such as the windows of a recording.
struct Request {
    uint64_t id = 0;
    Priority priority = Priority::Interactive;
    size_t jobs = 0;     // that are there
    size_t running = 0;  // of them, in a batch
    uint64_t first_job = 0;
    bool answered = false;  // its first job is done, so there is something to show

    // Virtual time: seconds of the device, beside what others of its priority would be due. The first job counts when
    // it is done, so that who comes anew goes first.
    Seconds used = 0;
    Seconds unpaid = 0;

    // Of the first job, since it was begun: seconds that it would have taken alone, those that others made it wait, its
    // encoding, and its rounds.
    Seconds own = 0;
    Seconds others = 0;
    Seconds encoding = 0;
    size_t rounds = 0;

    // Its id, which goes to those without jobs and comes back, and where it is.
    std::list<uint64_t> place;
    std::list<uint64_t>::iterator idle;
};

// Fair queueing (Demers, Keshav and Shenker, 1989) of the requests of each priority: each is due an equal share, who
// has had least is next, and what was not asked for is not saved up.
class Turns {
  public:
    // A job of the request comes or goes. `id` 0: a request of its own. The request stays where it is in memory as long
    // as it has jobs, and is remembered for a while after.
    Request& arrive(uint64_t id, Priority priority, uint64_t job);
    void leave(Request& request, uint64_t job);

    // Requests that have jobs.
    size_t active(Priority priority) const { return active_[priority]; }

    // What each request had of a step.
    void charge(const std::vector<std::pair<Request*, Seconds>>& shares);

  private:
    void forget_idle();

    std::unordered_map<uint64_t, Request> requests_;
    std::list<uint64_t> idle_;  // requests without jobs, once each, in the order in which they had their last one
    uint64_t anonymous_ = uint64_t{1} << 63;
    ByPriority<size_t> active_;
    ByPriority<Seconds> clock_;  // virtual time of one who has had exactly his share
};

// Each priority below the most urgent one that has work is owed a share of the time that it waits.
class Floors {
  public:
    static constexpr double kShare = 0.2;

    bool owes(Priority priority) const { return credit_[priority] > 0; }
    Seconds credit(Priority priority) const { return credit_[priority]; }

    // A step took so long, of which each priority had its part; `waits` tells which of them have work.
    void charge(Seconds elapsed, const ByPriority<Seconds>& parts, const ByPriority<bool>& waits);

  private:
    ByPriority<Seconds> credit_;
};

}  // namespace agora
