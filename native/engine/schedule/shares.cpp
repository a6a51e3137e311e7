#include "engine/schedule/shares.h"

#include <algorithm>

namespace agora {
namespace {

// Requests without jobs that are remembered: a recording may come in more slowly than it is transcribed.
constexpr size_t kIdle = 1024;

}  // namespace

Request& Turns::arrive(uint64_t id, Priority priority, uint64_t job) {
    if (id == 0) id = anonymous_++;
    Request& request = requests_[id];
    if (request.id == 0) {
        request.place.push_back(id);
        request.idle = request.place.begin();
        request.id = id;
        request.priority = priority;
        request.first_job = job;
    }
    if (request.jobs++ == 0) {
        if (request.place.empty()) request.place.splice(request.place.begin(), idle_, request.idle);
        ++active_[request.priority];
        request.used = std::max(request.used, clock_[request.priority]);
    }
    return request;
}

void Turns::leave(Request& request, uint64_t job) {
    if (job == request.first_job) {
        request.answered = true;
        request.used += request.unpaid;
        request.unpaid = 0;
    }
    if (--request.jobs > 0) return;
    --active_[request.priority];
    if (request.id >= uint64_t{1} << 63) {
        requests_.erase(request.id);
        return;
    }
    idle_.splice(idle_.end(), request.place);
    forget_idle();
}

void Turns::forget_idle() {
    while (idle_.size() > kIdle) {
        requests_.erase(idle_.front());
        idle_.pop_front();
    }
}

void Turns::charge(const std::vector<std::pair<Request*, Seconds>>& shares) {
    ByPriority<Seconds> served;
    for (const auto& [request, seconds] : shares) {
        (request->answered ? request->used : request->unpaid) += seconds;
        served[request->priority] += seconds;
    }
    for (const Priority priority : kPriorities)
        clock_[priority] += served[priority] / static_cast<double>(std::max<size_t>(1, active_[priority]));
}

void Floors::charge(Seconds elapsed, const ByPriority<Seconds>& parts, const ByPriority<bool>& waits) {
    bool contended = false;
    for (const Priority priority : kPriorities) {
        if (!waits[priority]) {
            credit_[priority] = 0;
            continue;
        }
        credit_[priority] = contended ? credit_[priority] + kShare * elapsed - parts[priority] : 0;
        contended = true;
    }
}

}  // namespace agora
