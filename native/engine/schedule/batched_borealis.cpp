#include "engine/schedule/batched_borealis.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "engine/device/operations.h"
#include "engine/error.h"

namespace agora {
namespace {

// Positions of a sequence beside the audio's: the prompts and the text.
constexpr int kTextCapacity = 600;
// libllama has 256 sequences, of which one keeps the prompt's beginning.
constexpr int kMostWindows = 255;

// Windows that there is memory for: those of a batch, and those that go before it.
int most_windows(const BorealisOptions& options) {
    return std::min(options.batch_size + static_cast<int>(express_windows(options.batch_size)), kMostWindows);
}

class Stopwatch {
  public:
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

AudioFile matching_audio_file(const std::string& path, const LanguageFile& language, const std::string& language_path) {
    AudioFile audio = read_audio_file(path);
    check_match(audio, path, language, language_path);
    return audio;
}

}  // namespace

BatchedBorealis::BatchedBorealis(const std::string& language_path, const std::string& audio_path,
                                 const BorealisOptions& options, std::shared_ptr<Executor> executor)
    : language_file_(read_language_file(language_path)),
      audio_file_(matching_audio_file(audio_path, language_file_, language_path)),
      options_(options),
      compute_(options.threads),
      gpu_(options.place == BorealisPlace::Gpu ? std::make_unique<GpuCompute>() : nullptr),
      parallel_(compute_),
      encoder_(audio_path, audio_file_, gpu_ ? static_cast<Compute&>(*gpu_) : compute_, options.place),
      language_(language_path, language_file_, compute_, options.threads, most_windows(options) + 1,
                audio_file_.rows() + kTextCapacity, options.place),
      shared_sequence_(most_windows(options)),
      executor_(executor ? std::move(executor) : std::make_shared<Executor>()) {
    // The tokens that it needs are there.
    make_prompt(language_, "", "");
    if (gpu_) check_memory(language_path, gpu_->device());
    Budget budget;
    budget.windows = static_cast<size_t>(options.batch_size);
    budget.sequences = budget.windows;
    budget.express = static_cast<size_t>(most_windows(options)) - budget.windows;
    budget.encoder_batch = encoder_.batch();
    model_id_ = executor_->add(*this, budget);
}

BatchedBorealis::~BatchedBorealis() {
    executor_->remove(model_id_);
}

bool BatchedBorealis::submit(BorealisRequest request, Done done) {
    const JobTraits traits = request.turn;
    return executor_->submit(model_id_, std::make_unique<BorealisWindow>(std::move(request), std::move(done)), traits);
}

BorealisTimings BatchedBorealis::timings() const {
    const std::lock_guard<std::mutex> lock(timings_mutex_);
    return timings_;
}

void BatchedBorealis::record(const std::function<void(BorealisTimings&)>& change) {
    const std::lock_guard<std::mutex> lock(timings_mutex_);
    change(timings_);
}

void BatchedBorealis::take_step(Work work, const Tasks& tasks, const Tasks& ahead) {
    Windows windows;
    for (Task* task : tasks) windows.push_back(static_cast<BorealisWindow*>(task));
    work == Work::Encode ? encode(windows, ahead) : decode(windows, ahead);
}

size_t BatchedBorealis::looks_ahead() const {
    return options_.place == BorealisPlace::Cpu ? 0 : encoder_.batch();
}

void BatchedBorealis::forget(Task& task) {
    encoding_.erase(std::remove(encoding_.begin(), encoding_.end(), &task), encoding_.end());
    const auto found = std::find(active_.begin(), active_.end(), &task);
    if (found != active_.end()) leave(static_cast<size_t>(found - active_.begin()));
}

void BatchedBorealis::make_prompt_of(BorealisWindow& window) const {
    const BorealisRequest& request = window.request;
    window.prompt = make_prompt(language_, request.system_prompt, request.user_prompt);
    window.prompt_length =
        static_cast<int>(window.prompt.before.size() + window.prompt.after.size()) + audio_file_.rows();
    const int positions = window.prompt_length + request.generation.max_tokens;
    if (positions <= language_.capacity()) return;
    throw Error(ErrorCode::InvalidArgument,
                "The prompts and " + std::to_string(request.generation.max_tokens) + " tokens of text take " +
                    std::to_string(positions) + " positions, of which there are " +
                    std::to_string(language_.capacity()) + ": shorten systemPrompt or userPrompt, or lower maxTokens",
                "maxTokens");
}

// Has spectrograms computed for windows that are next while the device is busy with those before.
void BatchedBorealis::prepare_spectrograms(const Tasks& ahead) const {
    for (Task* task : ahead) {
        auto& window = *static_cast<BorealisWindow*>(task);
        if (!window.cancelled()) window.prepare_spectrogram(encoder_.log_mel());
    }
}

// Has the encoder listen to windows, or go on with the one that it has begun with.
void BatchedBorealis::encode(const Windows& windows, const Tasks& ahead) {
    const Stopwatch watch;
    if (!windows.front()->begun) begin_encoding(windows);
    if (encoding_.empty()) return;
    prepare_spectrograms(ahead);
    // What several share is not stopped for one of them.
    const std::atomic<bool>* stop = encoding_.size() == 1 ? encoding_.front()->request.cancelled.get() : nullptr;
    const Progress progress = encoder_.go_on(kStepSeconds, stop);
    if (progress == Progress::Stopped) throw cancelled();
    const bool done = progress == Progress::Done;
    for (BorealisWindow* window : encoding_) window->begun = !done;
    if (done) take_audio(std::exchange(encoding_, {}));
    record([&](BorealisTimings& timings) { timings.encode_seconds += watch.seconds(); });
}

// What the encoder has made of windows goes to each of them.
void BatchedBorealis::take_audio(const Windows& heard) {
    const float* rows = encoder_.rows();
    const size_t length = static_cast<size_t>(audio_file_.rows()) * static_cast<size_t>(language_.width());
    for (size_t i = 0; i < heard.size(); ++i) {
        try {
            heard[i]->audio.assign(rows + i * length, rows + (i + 1) * length);
            heard[i]->next = Work::Decode;
        } catch (...) {
            heard[i]->fail(std::current_exception());
        }
    }
    record([&](BorealisTimings& timings) { timings.windows += heard.size(); });
}

// What the encoder had begun with before is lost.
void BatchedBorealis::begin_encoding(const Windows& windows) {
    for (BorealisWindow* lost : encoding_) lost->begun = false;
    encoding_.clear();
    const InParts on_threads = [this](const Part& part) { parallel_.run(part); };
    encoding_.reserve(windows.size());
    std::vector<std::vector<float>> spectrograms;
    std::vector<const float*> inputs;
    // On a device of its own, those of several are computed side by side.
    for (size_t i = 1; i < windows.size(); ++i) windows[i]->prepare_spectrogram(encoder_.log_mel());
    for (BorealisWindow* window : windows) {
        // What one lacks is not the others' fault.
        try {
            make_prompt_of(*window);
            spectrograms.push_back(window->take_spectrogram(encoder_.log_mel(), on_threads));
            inputs.push_back(spectrograms.back().data());
            encoding_.push_back(window);
        } catch (...) {
            window->fail(std::current_exception());
        }
    }
    if (!inputs.empty()) encoder_.begin(inputs);
}

// Has the first window whose prompt has not been read take part from now on: one in a round.
void BatchedBorealis::admit(const Windows& windows) {
    const auto found =
        std::find_if(windows.begin(), windows.end(), [](const BorealisWindow* window) { return !window->generation; });
    if (found == windows.end()) return;
    const auto sequence = static_cast<int>(active_.size());
    try {
        begin(**found, sequence);
        active_.push_back(*found);
    } catch (...) {
        language_.truncate(sequence, 0);
        (*found)->fail(std::current_exception());
    }
}

void BatchedBorealis::begin(BorealisWindow& window, int sequence) {
    if (options_.share_prompts) {
        share_prompt(window.prompt.before);
        language_.copy(shared_sequence_, sequence);
        record([&](BorealisTimings& timings) { timings.shared_rows += window.prompt.before.size(); });
    } else {
        language_.truncate(sequence, 0);
        for (const int token : window.prompt.before) language_.embed(token, window.pending);
    }
    window.pending.insert(window.pending.end(), window.audio.begin(), window.audio.end());
    window.audio = {};
    for (const int token : window.prompt.after) language_.embed(token, window.pending);
    window.generation = std::make_unique<Generation>(language_, window.request.generation);
}

// Has the keys and values of the prompt's beginning computed in the sequence after the windows'.
void BatchedBorealis::share_prompt(const std::vector<int>& tokens) {
    if (tokens == shared_prompt_) return;
    shared_prompt_.clear();
    language_.truncate(shared_sequence_, 0);
    std::vector<float> rows;
    for (const int token : tokens) language_.embed(token, rows);
    const Stopwatch watch;
    try {
        language_.decode({{shared_sequence_, &rows}});
    } catch (...) {
        fail_all(std::current_exception());
        throw;
    }
    record([&](BorealisTimings& timings) { timings.prompt_seconds += watch.seconds(); });
    shared_prompt_ = tokens;
}

// What was computed is lost, of windows that have no part in the round too, but only that.
void BatchedBorealis::fail_all(const std::exception_ptr& error) {
    for (BorealisWindow* window : std::exchange(active_, {})) window->fail(error);
    shared_prompt_.clear();
}

// Gives a window's place to the last one.
void BatchedBorealis::leave(size_t index) {
    const size_t last = active_.size() - 1;
    if (index != last) {
        language_.move(static_cast<int>(last), static_cast<int>(index));
        active_[index] = active_[last];
    }
    language_.truncate(static_cast<int>(last), 0);
    active_.pop_back();
}

void BatchedBorealis::decode(const Windows& windows, const Tasks& ahead) {
    admit(windows);
    for (BorealisWindow* window : windows) window->left_out = !window->generation;
    const std::set<const BorealisWindow*> wanted(windows.begin(), windows.end());
    std::vector<LanguageInput> inputs;
    std::vector<size_t> places;
    size_t rows = 0;
    for (size_t i = 0; i < active_.size(); ++i) {
        if (wanted.count(active_[i]) == 0) continue;
        places.push_back(i);
        inputs.push_back({static_cast<int>(i), &active_[i]->pending});
        rows += active_[i]->pending.size() / static_cast<size_t>(language_.width());
    }
    if (inputs.empty()) return;
    const float* logits = nullptr;
    const Stopwatch watch;
    try {
        prepare_spectrograms(ahead);
        logits = language_.decode(inputs);
    } catch (...) {
        return fail_all(std::current_exception());
    }
    record([&](BorealisTimings& timings) {
        if (rows > inputs.size()) {
            timings.prompt_seconds += watch.seconds();
            timings.prompt_rows += rows - inputs.size() + 1;
        } else {
            timings.token_seconds += watch.seconds();
            timings.tokens += inputs.size();
            ++timings.steps;
        }
    });
    // Looking through the vocabulary takes its time, too.
    const auto vocabulary = static_cast<size_t>(language_.vocabulary());
    parallel_.run([&](int thread, int threads) {
        for (auto i = static_cast<size_t>(thread); i < places.size(); i += static_cast<size_t>(threads)) {
            BorealisWindow& window = *active_[places[i]];
            try {
                window.state = window.generation->advance(logits + i * vocabulary);
            } catch (...) {
                window.choice_error = std::current_exception();
            }
        }
    });
    std::vector<size_t> done;
    for (const size_t i : places) {
        if (advance(*active_[i], static_cast<int>(i))) done.push_back(i);
    }
    // From the end, so that the others keep their places until it is their turn.
    std::for_each(done.rbegin(), done.rend(), [&](size_t i) { leave(i); });
}

// Makes a window ready for the next step. True when it has had its answer instead.
bool BatchedBorealis::advance(BorealisWindow& window, int sequence) {
    window.pending.clear();
    try {
        if (window.choice_error) std::rethrow_exception(window.choice_error);
        switch (window.state) {
            case Generation::State::Continue:
                language_.embed(window.generation->last(), window.pending);
                return false;
            case Generation::State::Again:
                language_.truncate(sequence, window.prompt_length - 1);
                language_.embed(window.prompt.after.back(), window.pending);
                return false;
            case Generation::State::Done:
                window.finish(window.generation->text());
        }
    } catch (...) {
        window.fail(std::current_exception());
    }
    return true;
}

}  // namespace agora
