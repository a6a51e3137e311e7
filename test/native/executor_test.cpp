#include "engine/schedule/executor.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <utility>

#include "engine/error.h"

using agora::Executor;
using agora::Tasks;
using agora::Work;

namespace {

// What became of a window.
struct Answer {
    std::atomic<int> finished{0};
    std::atomic<int> failed{0};
    std::string error;
    std::function<void()> heard;  // when it comes; may be empty
};

class CountedTask final : public agora::Task {
  public:
    CountedTask(Answer& answer, int rounds, std::shared_ptr<std::atomic<bool>> flag = nullptr)
        : rounds(rounds), flag_(std::move(flag)), answer_(answer) {}

    bool cancelled() const override { return flag_ && *flag_; }
    void answer() override {
        ++(failure ? answer_.failed : answer_.finished);
        try {
            if (failure) std::rethrow_exception(failure);
        } catch (const std::exception& caught) {
            answer_.error = caught.what();
        }
        if (answer_.heard) answer_.heard();
    }

    int rounds;

  private:
    std::shared_ptr<std::atomic<bool>> flag_;
    Answer& answer_;
};

// A model whose windows take an encoding in two parts and some rounds. `before` may throw.
class CountedModel final : public agora::SteppedModel {
  public:
    using Hook = std::function<void(Work, const Tasks&)>;

    explicit CountedModel(Executor& executor, Hook before = {}) : executor_(executor), before_(std::move(before)) {
        agora::Budget budget;
        budget.windows = 4;
        budget.sequences = 4;
        id_ = executor.add(*this, budget);
    }
    ~CountedModel() override { executor_.remove(id_); }

    bool submit(Answer& answer, int rounds, std::shared_ptr<std::atomic<bool>> flag = nullptr,
                const agora::JobTraits& traits = {}) {
        return executor_.submit(id_, std::make_unique<CountedTask>(answer, rounds, std::move(flag)), traits);
    }

    void take_step(Work work, const Tasks& tasks, const Tasks&) override {
        CHECK_FALSE(busy_.exchange(true));
        ++steps;
        try {
            if (before_) before_(work, tasks);
            for (agora::Task* task : tasks) {
                if (!task->left_out) advance(work, *static_cast<CountedTask*>(task));
            }
        } catch (...) {
            busy_ = false;
            throw;
        }
        busy_ = false;
    }
    void forget(agora::Task&) override { ++forgotten; }
    agora::JobCounts counts() const { return executor_.counts(id_); }

    int steps = 0;
    int forgotten = 0;

  private:
    static void advance(Work work, CountedTask& task) {
        switch (work) {
            case Work::Encode:
                task.begun = !task.begun;
                if (!task.begun) task.next = Work::Decode;
                return;
            case Work::Decode:
                if (--task.rounds == 0 && task.next) task.next = Work::Settle;
                return;
            case Work::Settle:
                return task.next.reset();
        }
    }

    Executor& executor_;
    Hook before_;
    agora::ModelId id_;
    std::atomic<bool> busy_{false};
};

}  // namespace

TEST_CASE("executor: whoever brings a window while nobody takes steps is told to, and nobody else is") {
    Executor executor;
    CountedModel model(executor);
    Answer answer;
    CHECK(model.submit(answer, 3));
    CHECK_FALSE(model.submit(answer, 3));
    executor.run();
    CHECK(answer.finished == 2);
    CHECK(model.submit(answer, 1));
    executor.run();
    CHECK(answer.finished == 3);
    CHECK_FALSE(executor.step());
}

TEST_CASE("executor: a step that fails, for lack of memory too, fails its windows, and the others go on") {
    Executor executor;
    int steps = 0;
    bool decoded = false;
    bool broken = false;
    CountedModel model(executor, [&](Work work, const Tasks&) {
        ++steps;
        if (decoded && work == Work::Encode && !std::exchange(broken, true))
            throw agora::Error(agora::ErrorCode::Internal, "broken");
        decoded = decoded || work == Work::Decode;
        if (work == Work::Decode && steps > 12) throw std::bad_alloc();
    });
    Answer first;
    Answer second;
    Answer later;
    model.submit(first, 2);
    model.submit(second, 2);
    for (int i = 0; i < 3; ++i) executor.step();
    model.submit(later, 30);
    executor.run();
    CHECK(first.finished + second.finished == 1);
    CHECK(first.failed + second.failed == 1);
    CHECK(later.failed == 1);
    CHECK(later.error == "std::bad_alloc");
    CHECK(model.forgotten == 2);
}

TEST_CASE("executor: what is cancelled is answered before the next step, wherever it is") {
    for (int steps = 0; steps < 12; ++steps) {
        CAPTURE(steps);
        Executor executor;
        CountedModel model(executor);
        const auto flag = std::make_shared<std::atomic<bool>>(false);
        Answer kept;
        Answer cancelled;
        model.submit(cancelled, 3, flag);
        model.submit(kept, 3);
        for (int i = 0; i < steps; ++i) executor.step();
        *flag = true;
        executor.drop_cancelled();
        CHECK(cancelled.finished + cancelled.failed == 1);
        if (cancelled.failed == 1) CHECK(cancelled.error == "The request was cancelled");
        executor.run();
        CHECK(kept.finished == 1);
    }
}

TEST_CASE("executor: who is answered finds that his window has left, however it ended") {
    enum class End { Finished, Failed, StepFailed, Cancelled };
    for (const End end : {End::Finished, End::Failed, End::StepFailed, End::Cancelled}) {
        CAPTURE(static_cast<int>(end));
        const auto flag = std::make_shared<std::atomic<bool>>(false);
        Executor executor;
        CountedModel model(executor, [&](Work work, const Tasks& tasks) {
            if (work != Work::Decode) return;
            const auto error = std::make_exception_ptr(std::bad_alloc());
            if (end == End::Failed) tasks.back()->fail(error);
            if (end == End::StepFailed) std::rethrow_exception(error);
            if (end == End::Cancelled) *flag = true;
        });
        Answer answer;
        size_t left = 2;
        answer.heard = [&] {
            --left;
            CHECK(model.counts().waiting + model.counts().running <= left);
        };
        model.submit(answer, 3, flag);
        model.submit(answer, 3, flag);
        executor.run();
        CHECK(left == 0);
        CHECK(answer.finished == (end == End::Finished ? 2 : 0));
        CHECK(model.counts().waiting + model.counts().running == 0);
    }
}

TEST_CASE("executor: who is left out of a step has no share in what it took") {
    // Two recordings, of which one is left out of all rounds that there are for both. Whose next window is first?
    agora::Seconds now = 0;
    Executor executor({}, [&] { return now; });
    CountedModel model(executor, [&](Work work, const Tasks& tasks) {
        now += 1;
        if (work == Work::Decode && tasks.size() == 2) tasks.back()->left_out = true;
    });
    agora::JobTraits busy, passed_over;
    busy.request = 1;
    passed_over.request = 2;
    // Of bulk requests, nothing waits for a first text.
    busy.priority = passed_over.priority = agora::Priority::Bulk;
    Answer answer;
    model.submit(answer, 20, nullptr, busy);
    model.submit(answer, 2, nullptr, passed_over);
    executor.run();
    REQUIRE(answer.finished == 2);
    std::string order;
    Answer of_busy, of_passed_over;
    of_busy.heard = [&] { order += "b"; };
    of_passed_over.heard = [&] { order += "p"; };
    model.submit(of_busy, 1, nullptr, busy);
    model.submit(of_passed_over, 1, nullptr, passed_over);
    executor.run();
    CHECK(order == "pb");
}

TEST_CASE("executor: who is left out of a step does not fail with it") {
    Executor executor;
    bool broken = false;
    CountedModel model(executor, [&](Work work, const Tasks& tasks) {
        if (work != Work::Decode || tasks.size() == 1 || std::exchange(broken, true)) return;
        tasks.back()->left_out = true;
        throw std::bad_alloc();
    });
    Answer answer;
    model.submit(answer, 5);
    model.submit(answer, 5);
    executor.run();
    CHECK(broken);
    CHECK(answer.failed == 1);
    CHECK(answer.finished == 1);
}

TEST_CASE("executor: models of a device take their steps one after another") {
    Executor executor;
    std::vector<int> order;
    CountedModel a(executor, [&](Work, const Tasks&) { order.push_back(0); });
    CountedModel b(executor, [&](Work, const Tasks&) { order.push_back(1); });
    Answer answer;
    for (int i = 0; i < 3; ++i) {
        a.submit(answer, 5);
        b.submit(answer, 5);
    }
    executor.run();
    CHECK(answer.finished == 6);
    const auto last_of_a = std::find(order.rbegin(), order.rend(), 0);
    CHECK(std::count(order.begin(), last_of_a.base(), 1) > 3);
}

TEST_CASE("executor: a window whose steps nobody can be found for is not taken, and the next one finds somebody") {
    int asked = 0;
    bool able = false;
    Executor executor([&] {
        ++asked;
        if (!able) throw std::bad_alloc();
    });
    CountedModel model(executor);
    Answer lost;
    Answer kept;
    for (int i = 1; i < 3; ++i) {
        CHECK_THROWS_AS(model.submit(lost, 3), std::bad_alloc);
        CHECK(asked == i);
        CHECK_FALSE(executor.step());
    }
    able = true;
    // Who is asked to call step() does, and not who brings the window.
    CHECK_FALSE(model.submit(kept, 3));
    CHECK_FALSE(model.submit(kept, 3));
    CHECK(asked == 3);
    executor.run();
    CHECK(kept.finished == 2);
    CHECK(lost.finished + lost.failed == 0);
}

TEST_SUITE_BEGIN("threads");

TEST_CASE("executor: windows come, are cancelled and dropped from many threads, and each is answered once") {
    Executor executor;
    CountedModel model(executor);
    constexpr int kThreads = 4;
    constexpr int kWindows = 200;
    std::vector<Answer> answers(static_cast<size_t>(kThreads) * kWindows);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i < kWindows; ++i) {
                const auto flag = std::make_shared<std::atomic<bool>>(false);
                if (model.submit(answers[static_cast<size_t>(t * kWindows + i)], 1 + i % 3, flag)) executor.run();
                if (i % 3 == 0) *flag = true;
                if (i % 10 == 0) executor.drop_cancelled();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    for (const Answer& answer : answers) CHECK(answer.finished + answer.failed == 1);
}

TEST_SUITE_END();
