// A device that computes nothing but takes its time, on a virtual clock, and what its scheduler makes of it.
#pragma once

#include <algorithm>
#include <map>
#include <stdexcept>
#include <vector>

#include "engine/schedule/scheduler.h"

// What steps cost, in seconds.
struct StepCosts {
    agora::Seconds encode;          // of a window, …
    agora::Seconds slice;           // … in steps of this length
    agora::Seconds encode_another;  // of a window that the encoder takes along
    agora::Seconds round;           // of one sequence
    agora::Seconds another;         // of each sequence more

    agora::Seconds round_of(size_t sequences) const { return round + another * static_cast<double>(sequences - 1); }
    // Of a window by itself.
    agora::Seconds alone(int tokens) const { return encode + round * tokens; }
};

// Whisper base in 8 bits on two cores, with many cores, and on a GPU; and a model that decodes longer than it listens.
inline const StepCosts kTwoCores = {0.3, 0.05, 0.3, 0.0035, 0.0007};
inline const StepCosts kManyCores = {0.06, 0.05, 0.06, 0.002, 0.0003};
inline const StepCosts kGpu = {0.005, 0.005, 0.002, 0.0025, 0.00005};
inline const StepCosts kSlowDecoder = {0.1, 0.05, 0.1, 0.01, 0.002};

struct Arrival {
    agora::Seconds time;
    uint64_t request;
    int tokens;
    agora::Priority priority = agora::Priority::Interactive;
    size_t model = 0;
    agora::Seconds deadline = std::numeric_limits<agora::Seconds>::infinity();
    size_t sequences = 1;
    size_t bytes = 0;
    int passes = 1;   // how often it is listened to, with as many tokens each time
    size_t rows = 0;  // sequences that it has in a round; 0: as many as it may have
};

struct StepTaken {
    agora::Seconds start, end;
    agora::Work work;
    std::vector<size_t> windows;  // by the number of their arrival
};

class ScheduledDevice {
  public:
    explicit ScheduledDevice(const std::vector<std::pair<StepCosts, agora::Budget>>& models) {
        for (const auto& [costs, budget] : models)
            models_[scheduler.add_model(budget)] = {costs, models_.size(), budget.live_lane};
    }
    ScheduledDevice(const StepCosts& costs, const agora::Budget& budget)
        : ScheduledDevice(std::vector<std::pair<StepCosts, agora::Budget>>{{costs, budget}}) {}

    // Windows that come one after another, or together where their times are the same.
    size_t arrive(const Arrival& arrival) {
        windows_.push_back({arrival, arrival.tokens, arrival.passes});
        finished.push_back(-1);
        return windows_.size() - 1;
    }
    // The first of `count` windows.
    size_t arrive(size_t count, const Arrival& arrival) {
        const size_t first = windows_.size();
        for (size_t i = 0; i < count; ++i) arrive(arrival);
        return first;
    }

    // Until nothing is left, or that time.
    void run(agora::Seconds until = std::numeric_limits<agora::Seconds>::infinity()) {
        while (now < until && (take_in(), !jobs_.empty() || wait())) {
            if (!jobs_.empty()) step();
        }
    }

    void cancel(size_t window) {
        const auto found = std::find_if(jobs_.begin(), jobs_.end(), [&](auto& job) { return job.second == window; });
        if (found == jobs_.end()) return;
        scheduler.remove(found->first);
        jobs_.erase(found);
        begun_.erase(window);
    }

    void step() {
        const auto next = scheduler.next();
        if (!next) throw std::logic_error("There is work, but no step");
        if (next->jobs.empty()) throw std::logic_error("There is a step, but for nobody");
        StepTaken taken{now, now, next->work, {}};
        for (const agora::JobId id : next->jobs) taken.windows.push_back(jobs_.at(id));
        const StepCosts& costs = models_.at(next->model).costs;
        const agora::Seconds elapsed = cost(*next, costs);
        now += elapsed;
        taken.end = now;
        steps.push_back(taken);
        scheduler.took(*next, elapsed);
        for (const agora::JobId id : next->jobs) go_on(*next, id);
    }

    // Seconds that were spent on a request's windows: a round counts for each sequence in equal parts.
    agora::Seconds spent_on(uint64_t request) const {
        agora::Seconds sum = 0;
        for (const StepTaken& taken : steps) {
            for (const size_t window : taken.windows) {
                const bool is_of_it = windows_[window].arrival.request == request;
                sum += is_of_it ? (taken.end - taken.start) / static_cast<double>(taken.windows.size()) : 0;
            }
        }
        return sum;
    }

    bool idle() const { return jobs_.empty(); }

    agora::Scheduler scheduler;
    agora::Seconds now = 0;
    std::vector<agora::Seconds> finished;  // of each window; negative: not yet
    std::vector<StepTaken> steps;
    size_t lost = 0;  // encodings that were begun and given up

  private:
    struct Model {
        StepCosts costs;
        size_t number;
        bool live_lane;
    };
    struct Window {
        Arrival arrival;
        int tokens;
        int passes;
    };

    agora::Seconds cost(const agora::Step& step, const StepCosts& costs) {
        if (step.work == agora::Work::Settle) return 0.0005;
        if (step.work == agora::Work::Decode) {
            size_t sequences = 0;
            for (const agora::JobId id : step.jobs) {
                const Arrival& arrival = windows_[jobs_.at(id)].arrival;
                sequences += arrival.rows > 0 ? arrival.rows : arrival.sequences;
            }
            return costs.round_of(sequences);
        }
        if (step.jobs.size() > 1)
            return costs.encode + costs.encode_another * static_cast<double>(step.jobs.size() - 1);
        // Another window's encoding, of the same lane, is lost.
        const size_t number = jobs_.at(step.jobs.front());
        const bool apart = models_.at(step.model).live_lane;
        const auto is_live = [&](size_t window) { return windows_[window].arrival.priority == agora::Priority::Live; };
        if (begun_.count(number) == 0) {
            for (auto each = begun_.begin(); each != begun_.end();) {
                const bool same = windows_[each->first].arrival.model == windows_[number].arrival.model &&
                                  !(apart && is_live(each->first) != is_live(number));
                lost += same;
                each = same ? begun_.erase(each) : std::next(each);
            }
        }
        agora::Seconds& left = begun_.emplace(number, costs.encode).first->second;
        const agora::Seconds taken = std::min(left, costs.slice);
        left -= taken;
        return taken;
    }

    void go_on(const agora::Step& step, agora::JobId id) {
        const size_t number = jobs_.at(id);
        Window& window = windows_[number];
        switch (step.work) {
            case agora::Work::Encode:
                if (step.jobs.size() == 1 && begun_.at(number) > 1e-9) return scheduler.needs(id, step.work, true);
                begun_.erase(number);
                return scheduler.needs(id, agora::Work::Decode);
            case agora::Work::Decode:
                return scheduler.needs(id, --window.tokens > 0 ? agora::Work::Decode : agora::Work::Settle);
            case agora::Work::Settle:
                if (--window.passes > 0) {
                    window.tokens = window.arrival.tokens;
                    return scheduler.needs(id, agora::Work::Encode);
                }
                scheduler.remove(id);
                jobs_.erase(id);
                finished[number] = now;
        }
    }

    void take_in() {
        for (; arrived_ < windows_.size() && windows_[arrived_].arrival.time <= now; ++arrived_) {
            const Arrival& arrival = windows_[arrived_].arrival;
            const auto model = std::find_if(models_.begin(), models_.end(),
                                            [&](auto& each) { return each.second.number == arrival.model; });
            const agora::JobId id = scheduler.add(
                model->first, {arrival.request, arrival.priority, arrival.deadline, arrival.sequences, arrival.bytes});
            jobs_[id] = arrived_;
        }
    }

    // For the next arrival. False when none is left.
    bool wait() {
        if (arrived_ == windows_.size()) return false;
        now = std::max(now, windows_[arrived_].arrival.time);
        return true;
    }

    std::map<agora::ModelId, Model> models_;
    std::vector<Window> windows_;  // in the order of their times
    size_t arrived_ = 0;
    std::map<agora::JobId, size_t> jobs_;
    std::map<size_t, agora::Seconds> begun_;  // seconds of encoding that are left
};
