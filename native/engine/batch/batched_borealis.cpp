#include "engine/batch/batched_borealis.h"

#include <algorithm>
#include <chrono>

#include "engine/error.h"

namespace agora {
namespace {

// Positions of a sequence beside the audio's: the prompts and the text.
constexpr int kTextCapacity = 600;

class Stopwatch {
  public:
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// `audio`, when its rows are of the language model's width.
AudioFile matching(AudioFile audio, const std::string& audio_path, const LanguageFile& language,
                   const std::string& language_path) {
    if (audio.output_width == language.width) return audio;
    throw Error(ErrorCode::ModelInvalid, "The model files do not belong together: " + audio_path + " makes rows of " +
                                             std::to_string(audio.output_width) + ", but " + language_path +
                                             " takes rows of " + std::to_string(language.width));
}

}  // namespace

class BatchedBorealis::Window {
  public:
    Window(BorealisRequest request, Done done) : request(std::move(request)), done_(std::move(done)) {}

    bool cancelled() const { return request.cancelled->load(std::memory_order_relaxed); }
    void finish(BorealisOutcome outcome) { done_(std::move(outcome)); }
    void fail(std::exception_ptr error) { finish({{}, std::move(error)}); }
    void fail_cancelled() { fail(std::make_exception_ptr(Error(ErrorCode::Cancelled, "The request was cancelled"))); }

    BorealisRequest request;
    std::vector<int> prompt_end;  // tokens after the audio
    int prompt_length = 0;        // positions
    std::vector<float> pending;   // rows that the next step computes
    std::unique_ptr<Generation> generation;
    Generation::State state = Generation::State::Continue;  // after the last step
    std::exception_ptr error;                               // of the last step

  private:
    Done done_;
};

BatchedBorealis::BatchedBorealis(const std::string& language_path, const std::string& audio_path,
                                 const BorealisOptions& options)
    : language_file_(read_language_file(language_path)),
      audio_file_(matching(read_audio_file(audio_path), audio_path, language_file_, language_path)),
      compute_(options.threads),
      parallel_(compute_),
      encoder_(audio_path, audio_file_, compute_),
      options_(options),
      language_(language_path, language_file_, compute_, options.threads, options.batch_size + 1,
                audio_file_.rows() + kTextCapacity, options.place) {
    // The tokens that it needs are there.
    make_prompt(language_, "", "");
}

BatchedBorealis::~BatchedBorealis() = default;

bool BatchedBorealis::submit(BorealisRequest request, Done done) {
    return queue_.push(std::make_unique<Window>(std::move(request), std::move(done)));
}

BorealisTimings BatchedBorealis::timings() const {
    const std::lock_guard<std::mutex> lock(timings_mutex_);
    return timings_;
}

void BatchedBorealis::record(const std::function<void(BorealisTimings&)>& change) {
    const std::lock_guard<std::mutex> lock(timings_mutex_);
    change(timings_);
}

void BatchedBorealis::run() {
    for (;;) {
        drop_cancelled();
        const bool admitted = admit();
        if (!active_.empty()) {
            step();
        } else if (!admitted && queue_.stop()) {
            return;
        }
    }
}

void BatchedBorealis::drop_cancelled() {
    for (const auto& window : queue_.take_cancelled()) window->fail_cancelled();
    for (size_t i = active_.size(); i-- > 0;) {
        if (!active_[i]->cancelled()) continue;
        const std::unique_ptr<Window> window = std::move(active_[i]);
        leave(i);
        window->fail_cancelled();
    }
}

// Brings the next waiting window to where it takes part in the next step. False when there is none, or no room.
bool BatchedBorealis::admit() {
    if (active_.size() == static_cast<size_t>(options_.batch_size)) return false;
    std::unique_ptr<Window> window = queue_.take();
    if (!window) return false;
    const auto sequence = static_cast<int>(active_.size());
    try {
        begin(*window, sequence);
        active_.push_back(std::move(window));
    } catch (...) {
        language_.truncate(sequence, 0);
        window->fail(std::current_exception());
    }
    return true;
}

void BatchedBorealis::begin(Window& window, int sequence) {
    const BorealisRequest& request = window.request;
    Prompt prompt = make_prompt(language_, request.system_prompt, request.user_prompt);
    window.prompt_length = static_cast<int>(prompt.before.size() + prompt.after.size()) + audio_file_.rows();
    if (window.prompt_length + request.generation.max_tokens > language_.capacity()) {
        throw Error(ErrorCode::InvalidArgument,
                    "The prompts and " + std::to_string(request.generation.max_tokens) + " tokens of text take " +
                        std::to_string(window.prompt_length + request.generation.max_tokens) +
                        " positions, of which there are " + std::to_string(language_.capacity()) +
                        ": shorten systemPrompt or userPrompt, or lower maxTokens");
    }
    std::vector<float> rows(static_cast<size_t>(audio_file_.rows()) * static_cast<size_t>(language_.width()));
    const Stopwatch watch;
    if (!encoder_.run(request.samples.data(), request.samples.size(), request.cancelled.get(), rows.data()))
        throw Error(ErrorCode::Cancelled, "The request was cancelled");
    record([&](BorealisTimings& timings) {
        timings.encode_seconds += watch.seconds();
        ++timings.windows;
        if (options_.share_prompts) timings.shared_rows += prompt.before.size();
    });

    if (options_.share_prompts) {
        share_prompt(prompt.before);
        language_.copy(options_.batch_size, sequence);
    } else {
        language_.truncate(sequence, 0);
        for (const int token : prompt.before) language_.embed(token, window.pending);
    }
    window.pending.insert(window.pending.end(), rows.begin(), rows.end());
    for (const int token : prompt.after) language_.embed(token, window.pending);
    window.prompt_end = std::move(prompt.after);
    window.generation = std::make_unique<Generation>(language_, request.generation);
}

// Has the keys and values of the prompt's beginning computed in the sequence after the windows'.
void BatchedBorealis::share_prompt(const std::vector<int>& tokens) {
    if (tokens == shared_prompt_) return;
    shared_prompt_.clear();
    language_.truncate(options_.batch_size, 0);
    std::vector<float> rows;
    for (const int token : tokens) language_.embed(token, rows);
    const Stopwatch watch;
    try {
        language_.decode({{options_.batch_size, &rows}});
    } catch (...) {
        // The other windows' sequences are lost with it.
        for (const auto& window : active_) window->fail(std::current_exception());
        active_.clear();
        throw;
    }
    record([&](BorealisTimings& timings) { timings.prompt_seconds += watch.seconds(); });
    shared_prompt_ = tokens;
}

// Gives a window's place to the last one.
void BatchedBorealis::leave(size_t index) {
    const size_t last = active_.size() - 1;
    if (index != last) {
        language_.move(static_cast<int>(last), static_cast<int>(index));
        active_[index] = std::move(active_[last]);
    }
    language_.truncate(static_cast<int>(last), 0);
    active_.pop_back();
}

void BatchedBorealis::step() {
    std::vector<LanguageInput> inputs;
    size_t rows = 0;
    for (size_t i = 0; i < active_.size(); ++i) {
        inputs.push_back({static_cast<int>(i), &active_[i]->pending});
        rows += active_[i]->pending.size() / static_cast<size_t>(language_.width());
    }
    const float* logits = nullptr;
    const Stopwatch watch;
    try {
        logits = language_.decode(inputs).data();
    } catch (...) {
        // What was computed for the batch is lost, but only that.
        for (const auto& window : active_) window->fail(std::current_exception());
        active_.clear();
        shared_prompt_.clear();
        return;
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
        for (auto i = static_cast<size_t>(thread); i < active_.size(); i += static_cast<size_t>(threads)) {
            Window& window = *active_[i];
            try {
                window.state = window.generation->advance(logits + i * vocabulary);
            } catch (...) {
                window.error = std::current_exception();
            }
        }
    });
    std::vector<size_t> done;
    for (size_t i = 0; i < active_.size(); ++i) {
        if (advance(*active_[i], static_cast<int>(i))) done.push_back(i);
    }
    // From the end, so that the others keep their places until it is their turn.
    std::for_each(done.rbegin(), done.rend(), [&](size_t i) { leave(i); });
}

// Makes a window ready for the next step. True when it has had its answer instead.
bool BatchedBorealis::advance(Window& window, int sequence) {
    window.pending.clear();
    try {
        if (window.error) std::rethrow_exception(window.error);
        switch (window.state) {
            case Generation::State::Continue:
                language_.embed(window.generation->last(), window.pending);
                return false;
            case Generation::State::Again:
                language_.truncate(sequence, window.prompt_length - 1);
                language_.embed(window.prompt_end.back(), window.pending);
                return false;
            case Generation::State::Done:
                break;
        }
    } catch (...) {
        window.fail(std::current_exception());
        return true;
    }
    window.finish({window.generation->text(), nullptr});
    return true;
}

}  // namespace agora
