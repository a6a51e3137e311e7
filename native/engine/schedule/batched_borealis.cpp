#include "engine/schedule/batched_borealis.h"

#include <algorithm>
#include <chrono>

#include "engine/device/operations.h"
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

AudioFile matching_audio_file(const std::string& path, const LanguageFile& language, const std::string& language_path) {
    AudioFile audio = read_audio_file(path);
    check_match(audio, path, language, language_path);
    return audio;
}

}  // namespace

BatchedBorealis::BatchedBorealis(const std::string& language_path, const std::string& audio_path,
                                 const BorealisOptions& options)
    : language_file_(read_language_file(language_path)),
      audio_file_(matching_audio_file(audio_path, language_file_, language_path)),
      options_(options),
      compute_(options.threads),
      gpu_(options.place == BorealisPlace::Gpu ? std::make_unique<GpuCompute>() : nullptr),
      parallel_(compute_),
      encoder_(audio_path, audio_file_, gpu_ ? static_cast<Compute&>(*gpu_) : compute_, options.place),
      language_(language_path, language_file_, compute_, options.threads, options.batch_size + 1,
                audio_file_.rows() + kTextCapacity, options.place) {
    // The tokens that it needs are there.
    make_prompt(language_, "", "");
    if (gpu_) check_memory(language_path, gpu_->device());
}

BatchedBorealis::~BatchedBorealis() = default;

bool BatchedBorealis::submit(BorealisRequest request, Done done) {
    return queue_.push(std::make_unique<BorealisWindow>(std::move(request), std::move(done)));
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
        encode();
        admit();
        if (!active_.empty()) {
            step();
        } else if (encoded_.empty() && queue_.stop()) {
            return;
        }
    }
}

void BatchedBorealis::drop_cancelled() {
    for (const auto& window : queue_.take_cancelled()) window->fail_cancelled();
    const auto is_dropped = [](const std::unique_ptr<BorealisWindow>& window) {
        if (!window->cancelled()) return false;
        window->fail_cancelled();
        return true;
    };
    encoded_.erase(std::remove_if(encoded_.begin(), encoded_.end(), is_dropped), encoded_.end());
    for (size_t i = active_.size(); i-- > 0;) {
        if (!active_[i]->cancelled()) continue;
        const std::unique_ptr<BorealisWindow> window = std::move(active_[i]);
        leave(i);
        window->fail_cancelled();
    }
}

// Waiting windows that the encoder takes at once, as far as there is room for them.
std::vector<std::unique_ptr<BorealisWindow>> BatchedBorealis::take_waiting() {
    const size_t room = static_cast<size_t>(options_.batch_size) - active_.size();
    std::vector<std::unique_ptr<BorealisWindow>> windows;
    while (windows.size() < std::min(room, encoder_.batch())) {
        std::unique_ptr<BorealisWindow> window = queue_.take();
        if (!window) break;
        try {
            make_prompt_of(*window);
            windows.push_back(std::move(window));
        } catch (...) {
            window->fail(std::current_exception());
        }
    }
    return windows;
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
void BatchedBorealis::prepare_spectrograms() {
    if (options_.place == BorealisPlace::Cpu) return;
    queue_.look_ahead(encoder_.batch(), [this](BorealisWindow& window) {
        if (!window.cancelled()) window.prepare_spectrogram(encoder_.log_mel());
    });
}

// Encodes the windows that are next, unless those before still wait for their prompt's step.
void BatchedBorealis::encode() {
    if (!encoded_.empty()) return;
    std::vector<std::unique_ptr<BorealisWindow>> windows = take_waiting();
    if (windows.empty()) return;
    const LogMel::Run run_parts = [this](const LogMel::Part& part) { parallel_.run(part); };
    const Stopwatch watch;
    try {
        std::vector<std::vector<float>> spectrograms;
        std::vector<const float*> inputs;
        for (const auto& window : windows) {
            spectrograms.push_back(window->take_spectrogram(encoder_.log_mel(), run_parts));
            inputs.push_back(spectrograms.back().data());
        }
        prepare_spectrograms();
        // What several share is not stopped for one of them.
        const std::atomic<bool>* stop = windows.size() == 1 ? windows.front()->request.cancelled.get() : nullptr;
        const float* rows = encoder_.run(inputs, stop);
        if (rows == nullptr) throw cancelled();
        const size_t length = static_cast<size_t>(audio_file_.rows()) * static_cast<size_t>(language_.width());
        for (size_t i = 0; i < windows.size(); ++i)
            windows[i]->audio.assign(rows + i * length, rows + (i + 1) * length);
    } catch (...) {
        for (const auto& window : windows) window->fail(std::current_exception());
        return;
    }
    record([&](BorealisTimings& timings) {
        timings.encode_seconds += watch.seconds();
        timings.windows += windows.size();
    });
    std::move(windows.begin(), windows.end(), std::back_inserter(encoded_));
}

// Has the next encoded window take part in the next step.
void BatchedBorealis::admit() {
    if (encoded_.empty()) return;
    std::unique_ptr<BorealisWindow> window = std::move(encoded_.front());
    encoded_.pop_front();
    const auto sequence = static_cast<int>(active_.size());
    try {
        begin(*window, sequence);
        active_.push_back(std::move(window));
    } catch (...) {
        language_.truncate(sequence, 0);
        window->fail(std::current_exception());
    }
}

void BatchedBorealis::begin(BorealisWindow& window, int sequence) {
    if (options_.share_prompts) {
        share_prompt(window.prompt.before);
        language_.copy(options_.batch_size, sequence);
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
        prepare_spectrograms();
        logits = language_.decode(inputs);
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
            BorealisWindow& window = *active_[i];
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
bool BatchedBorealis::advance(BorealisWindow& window, int sequence) {
    window.pending.clear();
    try {
        if (window.error) std::rethrow_exception(window.error);
        switch (window.state) {
            case Generation::State::Continue:
                language_.embed(window.generation->last(), window.pending);
                return false;
            case Generation::State::Again:
                language_.truncate(sequence, window.prompt_length - 1);
                language_.embed(window.prompt.after.back(), window.pending);
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
