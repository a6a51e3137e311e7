#include "engine/schedule/scheduler.h"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <set>

#include "scheduled_device.h"

using agora::Budget;
using agora::Priority;
using agora::Seconds;
using agora::Work;

namespace {

// Tokens of a window of half a minute, and of one of ten seconds.
constexpr int kLong = 90;
constexpr int kShort = 40;

const std::vector<std::pair<const char*, StepCosts>> kDevices = {
    {"two cores", kTwoCores}, {"many cores", kManyCores}, {"GPU", kGpu}, {"slow decoder", kSlowDecoder}};

Budget budget_for(const StepCosts& costs, size_t windows = 16) {
    Budget budget;
    budget.windows = windows;
    budget.sequences = 5 * windows;
    budget.express = agora::express_windows(windows);
    budget.encoder_batch = costs.encode_another < costs.encode ? 4 : 1;
    return budget;
}

// Windows in the order in which their encoding was done.
std::vector<size_t> encoded(const ScheduledDevice& device) {
    std::vector<size_t> order;
    for (const StepTaken& step : device.steps) {
        if (step.work != Work::Encode) continue;
        for (const size_t window : step.windows) {
            const auto seen = std::find(order.begin(), order.end(), window);
            if (seen != order.end()) order.erase(seen);
            order.push_back(window);
        }
    }
    return order;
}

// Seconds that the windows of one request take when the batch is filled before the first round.
Seconds filled_first(const StepCosts& costs, size_t windows) {
    Seconds total = 0;
    for (size_t left = windows; left > 0;) {
        const size_t batch = std::min<size_t>(left, 16);
        left -= batch;
        for (size_t i = 0; i < batch; ++i)
            total += costs.encode_another < costs.encode && i % 4 != 0 ? costs.encode_another : costs.encode;
        total += kLong * costs.round_of(batch);
    }
    return total;
}

}  // namespace

TEST_CASE("scheduler: windows of requests are encoded in turn, those of one request in order") {
    ScheduledDevice device(kTwoCores, budget_for(kTwoCores, 2));
    device.arrive(6, {0, 1, kShort, Priority::Bulk});
    device.arrive(6, {0, 2, kShort, Priority::Bulk});
    device.run();
    const auto order = encoded(device);
    REQUIRE(order.size() == 12);
    int ahead = 0;
    for (size_t i = 0; i < order.size(); ++i) {
        ahead += order[i] < 6 ? 1 : -1;
        CHECK(std::abs(ahead) <= 1);
    }
    for (const size_t first : {size_t{0}, size_t{6}}) {
        std::vector<size_t> own;
        std::copy_if(order.begin(), order.end(), std::back_inserter(own),
                     [&](size_t window) { return window / 6 == first / 6; });
        CHECK(std::is_sorted(own.begin(), own.end()));
    }
}

TEST_CASE("scheduler: what sequences windows may have, and do not, changes nothing of their turns") {
    for (const auto& [name, costs] : kDevices) {
        CAPTURE(std::string(name));
        const auto steps = [&, costs = costs](size_t sequences) {
            ScheduledDevice device(costs, budget_for(costs));
            Seconds time = 0;
            for (uint64_t request = 1; request <= 6; ++request, time += costs.alone(kLong) / 2) {
                Arrival window{time, request, request % 2 == 0 ? kShort : kLong};
                window.sequences = sequences;
                window.rows = 1;
                device.arrive(request % 2 == 0 ? 1 : 8, window);
            }
            device.run();
            return device.steps;
        };
        const std::vector<StepTaken> few = steps(1);
        // A power of two, so that shares are the same to the last bit.
        const std::vector<StepTaken> many = steps(4);
        REQUIRE(few.size() == many.size());
        for (size_t i = 0; i < few.size(); ++i) {
            CAPTURE(i);
            REQUIRE(few[i].work == many[i].work);
            REQUIRE(few[i].windows == many[i].windows);
        }
    }
}

TEST_CASE("scheduler: the first text of a long recording comes in time when windows may have samples, too") {
    for (const auto& [name, costs] : kDevices) {
        CAPTURE(std::string(name));
        ScheduledDevice device(costs, budget_for(costs));
        Arrival window{0, 1, kLong};
        window.sequences = 5;
        window.rows = 1;
        for (uint64_t request = 1; request <= 3; ++request) {
            window.time = device.now;
            window.request = request;
            const size_t first = device.arrive(17, window);
            device.run();
            CHECK(device.finished[first] - window.time <= 1.5 * costs.alone(kLong));
        }
    }
}

TEST_CASE("scheduler: at most one window is encoded between two rounds when sequences wait") {
    for (const Priority priority : {Priority::Interactive, Priority::Bulk}) {
        ScheduledDevice device(kTwoCores, budget_for(kTwoCores));
        for (uint64_t request = 1; request <= 40; ++request) device.arrive({0, request, kShort, priority});
        device.run();
        std::set<size_t> between;
        bool waits = false;
        for (const StepTaken& step : device.steps) {
            if (step.work == Work::Encode) between.insert(step.windows.front());
            if (step.work == Work::Decode) {
                between.clear();
                waits = step.windows.size() > 1;
            }
            if (waits) CHECK(between.size() <= 1);
        }
    }
}

TEST_CASE("scheduler: the first text of a long recording comes almost as soon as that of one window alone") {
    for (const auto& [name, costs] : kDevices) {
        CAPTURE(std::string(name));
        ScheduledDevice device(costs, budget_for(costs));
        device.arrive(17, {0, 1, kLong});
        device.run();
        CHECK(device.finished[0] <= 1.5 * costs.alone(kLong));
        // Again, now that it is known how long a window takes.
        const Seconds start = device.now;
        const size_t again = device.arrive(17, {start, 2, kLong});
        device.run();
        CHECK(device.finished[again] - start <= 1.5 * costs.alone(kLong));
    }
}

TEST_CASE("scheduler: a recording takes hardly longer than when its batch is filled first, and none in bulk") {
    for (const auto& [name, costs] : {kDevices[0], kDevices[1], kDevices[3]}) {
        CAPTURE(std::string(name));
        constexpr size_t kWindows = 240;  // two hours
        for (const Priority priority : {Priority::Interactive, Priority::Bulk}) {
            ScheduledDevice device(costs, budget_for(costs));
            device.arrive(kWindows, {0, 1, kLong, priority});
            device.run();
            const double bound = priority == Priority::Bulk ? 1.01 : 1.02;
            CHECK(device.now <= bound * filled_first(costs, kWindows));
        }
    }
}

TEST_CASE("scheduler: a short request beside a long one takes no more than three times as long as alone") {
    for (const auto& [name, costs] : kDevices) {
        CAPTURE(std::string(name));
        Seconds worst = 0;
        for (int moment = 1; moment < 40; ++moment) {
            ScheduledDevice device(costs, budget_for(costs));
            device.arrive(40, {0, 1, kLong});
            const Seconds start = moment * costs.alone(kLong) / 5;
            const size_t window = device.arrive({start, 2, kShort});
            device.run();
            worst = std::max(worst, device.finished[window] - start);
        }
        CHECK(worst <= 3 * costs.alone(kShort));
    }
}

TEST_CASE("scheduler: short requests that never end leave a long one its share") {
    ScheduledDevice device(kTwoCores, budget_for(kTwoCores));
    device.arrive(30, {0, 1, kLong});
    // They take most of the time.
    for (int i = 0; i < 200; ++i) device.arrive({0.45 * i, static_cast<uint64_t>(i) + 2, kShort});
    device.run();
    const Seconds last = *std::max_element(device.finished.begin(), device.finished.begin() + 30);
    CHECK(last < 80);
}

TEST_CASE("scheduler: bulk has a fifth of the time beside interactive work, and no more") {
    for (const auto& [name, costs] : kDevices) {
        CAPTURE(std::string(name));
        ScheduledDevice device(costs, budget_for(costs));
        device.arrive(1000, {0, 1, kLong, Priority::Bulk});
        for (uint64_t request = 2; request < 400; ++request) device.arrive({0, request, kShort});
        const Seconds until = 60 * costs.alone(kShort);
        device.run(until);
        const double share = device.spent_on(1) / device.now;
        CHECK(share > 0.17);
        CHECK(share < 0.25);
    }
}

TEST_CASE("scheduler: an interactive request beside bulk work is as quick as beside nothing, nearly") {
    for (const auto& [name, costs] : kDevices) {
        CAPTURE(std::string(name));
        for (int moment = 1; moment < 20; ++moment) {
            ScheduledDevice device(costs, budget_for(costs));
            device.arrive(60, {0, 1, kLong, Priority::Bulk});
            const Seconds start = moment * costs.alone(kLong) / 3;
            const size_t window = device.arrive({start, 2, kShort});
            device.run();
            CHECK(device.finished[window] - start <= 2 * costs.alone(kShort));
        }
    }
}

TEST_CASE("scheduler: live work goes first, by its deadlines, and waits for no window that is half encoded") {
    ScheduledDevice device(kTwoCores, budget_for(kTwoCores));
    device.arrive(20, {0, 1, kLong});
    const size_t later = device.arrive({1.01, 2, 5, Priority::Live, 0, 9});
    const size_t sooner = device.arrive({1.01, 3, 5, Priority::Live, 0, 3});
    device.run();
    CHECK(device.finished[sooner] < device.finished[later]);
    CHECK(device.finished[sooner] - 1.01 <= kTwoCores.alone(5) + 3 * kTwoCores.slice);
    CHECK(device.finished[later] - 1.01 <= 3 * kTwoCores.alone(5) + 3 * kTwoCores.slice);
}

TEST_CASE("scheduler: live steps wait for a slice of other work at most, and take nothing of it that was begun") {
    Budget budget = budget_for(kTwoCores);
    budget.live_lane = true;
    budget.live = agora::live_windows(budget.windows);
    ScheduledDevice device(kTwoCores, budget);
    device.arrive(40, {0, 1, kLong, Priority::Bulk});
    // Four streams, whose steps are of short windows and a few tokens: half of the device's time.
    std::vector<size_t> steps;
    for (int i = 0; i < 40; ++i) steps.push_back(device.arrive({1 + 0.65 * i, 0, 5, Priority::Live}));
    device.run();
    for (const size_t step : steps) {
        const Seconds taken = device.finished[step] - (1 + 0.65 * static_cast<double>(step - steps.front()));
        // Bulk is owed a fifth, in slices and rounds.
        CHECK(taken <= 1.3 * kTwoCores.alone(5) + 2 * kTwoCores.slice);
    }
    CHECK(device.lost == 0);
}

TEST_CASE("scheduler: bulk goes on beside live work that never ends, in a batch of one too") {
    for (const size_t windows : {size_t{1}, size_t{4}}) {
        Budget budget = budget_for(kTwoCores, windows);
        budget.live_lane = true;
        budget.live = agora::live_windows(windows);
        ScheduledDevice device(kTwoCores, budget);
        const size_t bulk = device.arrive({0, 1, kShort, Priority::Bulk});
        for (int i = 0; i < 60; ++i) device.arrive({0.1 * i, 0, 5, Priority::Live});
        device.run();
        // It has a fifth of the time, and live work the rest.
        CHECK(device.finished[bulk] <= 6 * kTwoCores.alone(kShort));
        CHECK(device.finished[bulk] > 2 * kTwoCores.alone(kShort));
    }
}

TEST_CASE("scheduler: live steps find places in a batch that is full, in one round together") {
    Budget budget = budget_for(kTwoCores, 8);
    budget.live_lane = true;
    budget.live = agora::live_windows(budget.windows);
    ScheduledDevice device(kTwoCores, budget);
    device.arrive(30, {0, 1, kLong, Priority::Bulk});
    const size_t first = device.arrive(3, {8, 0, 20, Priority::Live});
    device.run();
    size_t together = 0;
    for (const StepTaken& step : device.steps) {
        const auto live =
            std::count_if(step.windows.begin(), step.windows.end(), [=](size_t window) { return window >= first; });
        together = std::max(together, step.work == Work::Decode ? static_cast<size_t>(live) : 0);
    }
    CHECK(together == 3);
    for (size_t i = first; i < first + 3; ++i) CHECK(device.finished[i] - 8 < 1.5);
}

TEST_CASE("scheduler: a window's encoding is given up for others' once, then it is finished") {
    ScheduledDevice device(kTwoCores, budget_for(kTwoCores));
    const size_t bulk = device.arrive({0, 1, kLong, Priority::Bulk});
    for (int i = 0; i < 30; ++i) device.arrive({0.06 + 0.31 * i, static_cast<uint64_t>(i) + 2, 1, Priority::Live});
    device.run();
    int begun = 0;
    size_t last = bulk + 1;
    for (const StepTaken& step : device.steps) {
        if (step.work != Work::Encode) continue;
        begun += step.windows.front() == bulk && last != bulk ? 1 : 0;
        last = step.windows.front();
    }
    CHECK(begun >= 2);
    CHECK(device.finished[bulk] < device.now);
}

TEST_CASE(
    "scheduler: a batch holds windows, sequences and bytes, and who is too large for what is left is not passed by") {
    Budget budget;
    budget.windows = 4;
    budget.sequences = 8;
    budget.bytes = 100;
    const auto most = [&](const std::vector<Arrival>& arrivals) {
        ScheduledDevice device(kTwoCores, budget);
        for (const Arrival& arrival : arrivals) device.arrive(arrival);
        std::set<size_t> running;
        std::array<size_t, 3> most{};
        for (device.run(0.001); !device.idle(); device.step()) {
            const StepTaken& step = device.steps.back();
            running.insert(step.windows.begin(), step.windows.end());
            std::array<size_t, 3> now{};
            for (const size_t window : running) {
                if (device.finished[window] >= 0) continue;
                ++now[0];
                now[1] += arrivals[window].sequences;
                now[2] += arrivals[window].bytes;
            }
            for (size_t i = 0; i < 3; ++i) most[i] = std::max(most[i], now[i]);
        }
        return most;
    };
    const auto bulk = [](size_t sequences, size_t bytes) {
        return Arrival{0, 1, kShort, Priority::Bulk, 0, std::numeric_limits<Seconds>::infinity(), sequences, bytes};
    };
    CHECK(most(std::vector<Arrival>(12, bulk(1, 1)))[0] == 4);
    CHECK(most(std::vector<Arrival>(12, bulk(4, 1)))[1] == 8);
    CHECK(most(std::vector<Arrival>(12, bulk(1, 40)))[2] == 80);
    CHECK(most({bulk(1, 500), bulk(1, 500)})[2] == 500);

    ScheduledDevice device(kTwoCores, budget);
    for (int i = 0; i < 3; ++i) device.arrive(bulk(2, 1));
    const size_t large = device.arrive(bulk(8, 1));
    const size_t small = device.arrive(bulk(1, 1));
    device.run();
    CHECK(device.finished[large] < device.finished[small]);
}

TEST_CASE("scheduler: models take turns on a device by time") {
    const Budget budget = budget_for(kTwoCores, 8);
    StepCosts slow = kTwoCores;
    for (Seconds* cost : {&slow.encode, &slow.encode_another, &slow.round, &slow.another}) *cost *= 4;
    ScheduledDevice device({{kTwoCores, budget}, {slow, budget}});
    device.arrive(400, {0, 1, kLong, Priority::Interactive, 0});
    device.arrive(400, {0, 2, kLong, Priority::Interactive, 1});
    device.run(60);
    CHECK(device.spent_on(1) / device.now == doctest::Approx(0.5).epsilon(0.12));
}

TEST_CASE("scheduler: the encoder takes windows along where that pays") {
    ScheduledDevice device(kGpu, budget_for(kGpu));
    device.arrive(8, {0, 1, kShort, Priority::Bulk});
    device.run();
    REQUIRE(device.steps.front().work == Work::Encode);
    CHECK(device.steps.front().windows == std::vector<size_t>{0, 1, 2, 3});
}

TEST_CASE("scheduler: a recording goes on while its first window is listened to again") {
    for (const auto& [name, costs] : kDevices) {
        CAPTURE(std::string(name));
        for (const size_t others : {1, 3, 12}) {
            ScheduledDevice device(costs, budget_for(costs));
            Arrival again{0, 1, kShort};
            again.passes = 3;
            device.arrive(again);
            device.arrive(others, {0, 1, kLong});
            device.run();
            for (const Seconds finished : device.finished) CHECK(finished > 0);
        }
    }
}

TEST_CASE("scheduler: what is cancelled after any step leaves the others as they are, and room for more") {
    for (int steps = 0; steps < 60; ++steps) {
        CAPTURE(steps);
        ScheduledDevice device(kTwoCores, budget_for(kTwoCores, 3));
        device.arrive(4, {0, 1, 6});
        device.arrive(2, {0, 2, 6, Priority::Bulk});
        device.run(1e-9);
        for (int i = 1; i < steps && !device.idle(); ++i) device.step();
        const size_t cancelled = static_cast<size_t>(steps % 6);
        const bool was_done = device.finished[cancelled] >= 0;
        device.cancel(cancelled);
        const size_t more = device.arrive({device.now, 3, 6});
        device.run();
        for (size_t window = 0; window <= more; ++window)
            CHECK((device.finished[window] >= 0) == (window != cancelled || was_done));
        CHECK(device.scheduler.empty());
    }
}

TEST_CASE("scheduler: whatever comes and goes, everything is finished") {
    std::mt19937 random(1);
    const auto below = [&](unsigned n) { return static_cast<size_t>(random() % n); };
    for (int round = 0; round < 60; ++round) {
        CAPTURE(round);
        const auto& costs = kDevices[below(4)].second;
        const Budget budget = budget_for(costs, 1 + below(20));
        ScheduledDevice device({{costs, budget}, {kTwoCores, budget_for(kTwoCores, 1 + below(4))}});
        Seconds time = 0;
        const size_t windows = 100;
        for (size_t i = 0; i < windows; ++i) {
            time += below(3) == 0 ? static_cast<Seconds>(below(1000)) / 2000 : 0;
            device.arrive({time, below(12), static_cast<int>(1 + below(30)), static_cast<Priority>(below(3)), below(2),
                           time + static_cast<Seconds>(below(10)), 1 + below(8), below(100),
                           static_cast<int>(1 + below(3))});
        }
        std::set<size_t> cancelled;
        for (int i = 0; i < 10; ++i) {
            device.run(device.now + time / 10);
            const size_t window = below(windows);
            if (device.finished[window] < 0) cancelled.insert(window);
            device.cancel(window);
        }
        device.run();
        for (size_t window = 0; window < windows; ++window)
            CHECK((device.finished[window] >= 0 || cancelled.count(window) == 1));
        CHECK(device.scheduler.empty());
    }
}
