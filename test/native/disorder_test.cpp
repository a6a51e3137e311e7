// Ten thousand operations on the batched engine in no order at all, from several threads: windows of every kind are
// submitted and cancelled at any moment, and the engine is closed in between. For the sanitizers above all: what is
// checked here is that each window is answered once, as it should be, and that no memory is kept.
#include <doctest/doctest.h>

#include <condition_variable>
#include <deque>
#include <thread>

#include "batched_support.h"
#include "engine/audio/silence.h"
#include "engine/error.h"
#include "memory_in_use.h"
#include "model_writer.h"

namespace {

using agora::BatchedWhisper;

constexpr int kOperations = 10'000;
constexpr int kSubmitters = 3;
constexpr int kEngines = 6;

using Shared = std::shared_ptr<BatchedWhisper>;

// Runs the model whenever somebody is told to see to it, as a worker thread of the addon does: an engine that all
// others have let go of is closed by it.
class Runner {
  public:
    Runner() : thread_([this] { work(); }) {}
    ~Runner() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            closed_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    void start(Shared whisper) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            starts_.push_back(std::move(whisper));
        }
        changed_.notify_one();
    }

  private:
    void work() {
        for (;;) {
            Shared whisper;
            {
                std::unique_lock<std::mutex> lock(mutex_);
                changed_.wait(lock, [this] { return !starts_.empty() || closed_; });
                if (starts_.empty()) return;
                whisper = std::move(starts_.front());
                starts_.pop_front();
            }
            whisper->run();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Shared> starts_;
    bool closed_ = false;
    std::thread thread_;
};

// A window on its way. Alive as long as the engine keeps its request or its answer is awaited.
struct Submitted {
    std::shared_ptr<std::atomic<bool>> flag = std::make_shared<std::atomic<bool>>(false);
    std::atomic<int> answers{0};
    std::atomic<bool> failed{false};
    bool detects = false;
};

struct Tally {
    std::atomic<int> finished{0};
    std::atomic<int> decoded{0};  // of them, through encoder and decoder
    std::atomic<int> cancelled{0};
    std::atomic<int> wrong{0};  // answers that no window should get
};

agora::WindowRequest random_request(std::mt19937& random) {
    const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
    agora::WindowRequest request;
    // Many are silent, and done without the encoder: there is time for all the more of them.
    const bool silent = below(12) != 0;
    request.samples.resize(static_cast<size_t>(below(20'000)));
    for (float& sample : request.samples) sample = silent ? 0 : static_cast<float>(below(2000) - 1000) / 4000;
    if (below(8) != 0) request.language = "en";
    const double transcribe_from[] = {0, 0.02, 2};
    request.detection.transcribe_from = transcribe_from[below(3)];
    request.word_timestamps = below(3) == 0;
    if (below(5) == 0) request.hallucination_silence_threshold = 0.3;
    request.prompt.resize(static_cast<size_t>(below(3) * below(20)), 1000 + below(100));
    agora::SearchOptions& search = request.search;
    search.beam_size = 1 + (below(3) == 0 ? below(3) : 0);
    search.best_of = 1 + below(3);
    const std::vector<float> temperatures[] = {{0}, {0, 0.5f}, {0.7f}, {0, 0.2f, 1}};
    search.temperatures = temperatures[below(4)];
    search.max_tokens = 1 + below(8);
    search.rules.timestamps = below(2) == 0;
    search.rules.no_repeat_ngram_size = below(3);
    search.rules.repetition_penalty = below(2) == 0 ? 1.0f : 1.2f;
    search.seed = random();
    return request;
}

class Submitter {
  public:
    Submitter(Shared whisper, Runner& runner, Tally& tally, uint32_t seed)
        : whisper_(std::move(whisper)), runner_(runner), tally_(tally), random_(seed) {}

    void operate(int count) {
        for (int i = 0; i < count; ++i) random_() % 2 == 0 ? submit() : cancel();
        // Most of what is left would only be more of the same.
        for (const auto& window : windows_) {
            if (random_() % 4 != 0) *window->flag = true;
        }
        whisper_ = nullptr;
    }

    // When the engine is idle.
    void check() const {
        for (const auto& window : windows_) {
            CHECK(window->answers == 1);
            // The engine keeps nothing of it.
            CHECK(window.use_count() == 1);
        }
    }

  private:
    void submit() {
        auto window = std::make_shared<Submitted>();
        agora::WindowRequest request = random_request(random_);
        request.cancelled = window->flag;
        window->detects = request.language.empty() && !request.samples.empty();
        windows_.push_back(window);
        const bool start = whisper_->submit(std::move(request), [window, this](const agora::WindowOutcome& outcome) {
            ++window->answers;
            if (!outcome.error) {
                ++tally_.finished;
                tally_.decoded += outcome.segments.empty() && outcome.languages.empty() ? 0 : 1;
                tally_.wrong += window->detects == outcome.languages.empty() ? 1 : 0;
                return;
            }
            try {
                std::rethrow_exception(outcome.error);
            } catch (const agora::Error& error) {
                const bool expected = error.code() == agora::ErrorCode::Cancelled && *window->flag;
                ++(expected ? tally_.cancelled : tally_.wrong);
            }
        });
        if (start) runner_.start(whisper_);
    }

    void cancel() {
        if (!windows_.empty()) *windows_[random_() % windows_.size()]->flag = true;
    }

    Shared whisper_;
    Runner& runner_;
    Tally& tally_;
    std::mt19937 random_;
    std::vector<std::shared_ptr<Submitted>> windows_;
};

// One engine from loading to closing.
void operate(const std::string& model, const std::string& draft, uint32_t seed, int operations, Tally& tally) {
    const int threads = seed % 3 == 1 ? 2 : 1;
    const int batch_size = 1 + static_cast<int>(seed * 5 % 13);
    auto whisper = std::make_shared<BatchedWhisper>(model, options(threads, batch_size, seed % 4 == 3 ? "" : draft));
    std::vector<Submitter> submitters;
    {
        Runner runner;
        for (uint32_t i = 0; i < kSubmitters; ++i) submitters.emplace_back(whisper, runner, tally, seed * 100 + i);
        std::vector<std::thread> threads_at_work;
        for (Submitter& submitter : submitters)
            threads_at_work.emplace_back([&] { submitter.operate(operations / kSubmitters); });
        whisper = nullptr;
        for (std::thread& thread : threads_at_work) thread.join();
    }
    for (const Submitter& submitter : submitters) submitter.check();
}

}  // namespace

TEST_SUITE_BEGIN("threads");

TEST_CASE("submitting, cancelling and closing in any order answers every window once and keeps nothing") {
    const TemporaryFile model(random_model({64, 1, 1, 64}, 1));
    const TemporaryFile draft(random_model({64, 1, 1, 64}, 2));
    Tally tally;
    operate(model.path(), draft.path(), 0, 30, tally);
    const int64_t before = memory_in_use();
    for (uint32_t engine = 0; engine < kEngines; ++engine)
        operate(model.path(), draft.path(), engine, kOperations / kEngines, tally);
    // What may be left are pools of the C library and of the sanitizers: far less than one window's keys and values.
    CHECK(memory_in_use() - before < 200'000);
    CHECK(tally.wrong == 0);
    CHECK(tally.finished > 100);
    CHECK(tally.decoded > 20);
    CHECK(tally.cancelled > 1000);
    MESSAGE(tally.finished.load(), " windows were finished, ", tally.decoded.load(),
            " of them with something in them; ", tally.cancelled.load(), " were cancelled");
}

TEST_CASE("cancelling in the middle of a batch leaves the others as they are alone") {
    const TemporaryFile model(random_model({64, 1, 1, 64}, 1));
    const TemporaryFile draft(random_model({64, 1, 1, 64}, 2));
    std::mt19937 random(5);
    std::vector<agora::WindowRequest> requests;
    while (requests.size() < 7) {
        agora::WindowRequest request = random_request(random);
        if (agora::is_digital_silence(request.samples.data(), request.samples.size()) || request.language.empty())
            continue;
        request.cancelled = std::make_shared<std::atomic<bool>>(false);
        requests.push_back(std::move(request));
    }
    BatchedWhisper alone(model.path(), options(1, 1));
    const auto expected = outcomes(alone, requests);

    BatchedWhisper together(model.path(), options(2, 16, draft.path()));
    std::vector<std::shared_ptr<std::atomic<bool>>> flags;
    for (size_t i = 1; i < requests.size(); i += 3) {
        flags.push_back(std::make_shared<std::atomic<bool>>(false));
        requests[i].cancelled = flags.back();
    }
    std::vector<agora::WindowOutcome> actual(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
        together.submit(requests[i], [&, i](agora::WindowOutcome outcome) {
            actual[i] = std::move(outcome);
            // Each answer cancels another window, wherever that one is.
            if (!flags.empty()) *flags.back() = true;
            if (!flags.empty()) flags.pop_back();
        });
    }
    together.run();
    for (size_t i = 0; i < requests.size(); ++i) {
        CAPTURE(i);
        if (actual[i].error) {
            CHECK(i % 3 == 1);
            CHECK_THROWS_AS(std::rethrow_exception(actual[i].error), agora::Error);
        } else {
            CHECK(tokens_of(actual[i]) == tokens_of(expected[i]));
        }
    }
}

TEST_SUITE_END();
