#include "engine/reference/sequential.h"

#include <whisper.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <new>
#include <optional>

#include "engine/device/backends.h"
#include "engine/device/memory.h"
#include "engine/error.h"
#include "engine/log.h"
#include "engine/model/finite.h"
#include "engine/reference/whisper_cpp.h"
#include "engine/text/word_times.h"

namespace agora {
namespace {

// whisper.cpp returns nothing for less than 0.1 s and reads out of bounds on a few samples; a second is safe.
constexpr size_t kMinSamples = kSampleRate;

// What whisper_full() returns after it has failed to enlarge its key-value cache and has freed the state.
constexpr int kNoMemoryForBeams = -7;

std::string reason() {
    const std::string message = take_last_error();
    return message.empty() ? "" : " (" + message + ")";
}

// The first distil models were trained without times; whisper.cpp switches them off for them too.
bool has_timestamps(const WhisperHyperParameters& hparams) {
    return !(hparams.n_text_layer == 2 && hparams.n_vocab != 51866);
}

// Sees the logits of every step of a window: suppresses tokens, and once measures the probability of no speech.
struct Filter {
    const std::vector<int>& suppressed;
    int threads;
    std::optional<float> no_speech = std::nullopt;

    static void apply(whisper_context* context, whisper_state* state, const whisper_token_data*, int n_tokens,
                      float* logits, void* data) {
        auto* filter = static_cast<Filter*>(data);
        // Every attempt begins with the prompt; what follows the prompt may run on several threads.
        if (n_tokens == 0) {
            if (!filter->no_speech) filter->no_speech = no_speech_probability(context, state, filter->threads);
            set_no_speech_probability(state, *filter->no_speech);
        }
        const int n_vocab = whisper_n_vocab(context);
        for (const int token : filter->suppressed) {
            if (token >= 0 && token < n_vocab) logits[token] = -INFINITY;
        }
    }
};

// Follows a window through upstream's callbacks: seeds its sampling, and notes the temperature of each segment.
struct Progress {
    uint32_t seed;
    float first_temperature;
    float step;
    int failures_before = 0;
    std::vector<float> temperatures;

    // Upstream has seeded its decoders and is about to encode.
    static bool begin(whisper_context*, whisper_state* state, void* data) {
        auto* progress = static_cast<Progress*>(data);
        reseed(state, progress->seed);
        progress->failures_before = failed_attempts(state);
        return true;
    }

    static void new_segments(whisper_context*, whisper_state* state, int count, void* data) {
        auto* progress = static_cast<Progress*>(data);
        const auto failures = static_cast<float>(failed_attempts(state) - progress->failures_before);
        progress->temperatures.insert(progress->temperatures.end(), static_cast<size_t>(count),
                                      progress->first_temperature + progress->step * failures);
    }
};

std::vector<float> padded(const float* samples, size_t count) {
    std::vector<float> result(std::max(count, kMinSamples), 0.0f);
    std::copy(samples, samples + count, result.begin());
    return result;
}

// Upstream takes weights as they are.
void check_weights(const std::string& path, const WhisperFile& file) {
    std::ifstream stream(path, std::ios::binary);
    std::vector<char> bytes;
    for (const TensorEntry& tensor : file.tensors) {
        bytes.resize(tensor.bytes);
        stream.seekg(static_cast<std::streamoff>(tensor.offset));
        stream.read(bytes.data(), static_cast<std::streamsize>(tensor.bytes));
        if (!stream) throw Error(ErrorCode::ModelInvalid, "The model file " + path + " changed while it was read");
        require_finite(path, tensor, bytes.data(), bytes.size());
    }
}

void check_window(size_t count) {
    if (count > kMaxWindowSamples) {
        throw Error(ErrorCode::InvalidArgument, "Expected a window of at most 30 s but received " +
                                                    std::to_string(static_cast<double>(count) / kSampleRate) + " s");
    }
}

}  // namespace

// A decoder state of whisper.cpp, with the cancel flag of the call that is using it.
class SequentialWhisper::State {
  public:
    State(whisper_context* context, int threads) : state_(whisper_init_state(context)) {
        if (state_ == nullptr) throw Error(ErrorCode::OutOfMemory, "No memory for another decoder state" + reason());
        threads_ = std::make_unique<ComputeThreads>(state_, threads);
        set_abort_callback(
            state_, [](void* data) { return static_cast<State*>(data)->aborted(); }, this);
    }
    ~State() {
        if (state_ != nullptr) whisper_free_state(state_);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    whisper_state* get() const { return state_; }
    bool aborted() const { return cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed); }

    void watch(const std::atomic<bool>* cancelled) { cancelled_ = cancelled; }
    // Upstream has freed it.
    void forget() { state_ = nullptr; }

  private:
    whisper_state* state_;
    std::unique_ptr<ComputeThreads> threads_;
    const std::atomic<bool>* cancelled_ = nullptr;
};

SequentialWhisper::SequentialWhisper(const std::string& path, bool use_gpu, int threads)
    : file_(read_whisper_file(path)), threads_(threads) {
    capture_logs();
    for (const TensorEntry& tensor : file_.tensors) {
        if (tensor.ne.size() == 3 && tensor.type == GGML_TYPE_F32) {
            throw Error(ErrorCode::ModelInvalid, "whisper.cpp cannot run " + path + ", whose " + tensor.name +
                                                     " is in single precision; the implementation \"whisper\" can");
        }
    }
    if (!use_gpu && file_.bytes > available_memory()) {
        throw Error(ErrorCode::OutOfMemory, "The model " + path + " needs " + std::to_string(file_.bytes >> 20) +
                                                " MiB but " + std::to_string(available_memory() >> 20) +
                                                " MiB are available");
    }
    check_weights(path, file_);
    need_cpu_backend();
    whisper_context_params params = whisper_context_default_params();
    params.use_gpu = use_gpu;
    params.flash_attn = true;
    take_last_error();
    try {
        context_ = whisper_init_from_file_with_params_no_state(path.c_str(), params);
    } catch (const std::bad_alloc&) {
        throw Error(ErrorCode::OutOfMemory, "No memory for the model " + path);
    }
    // The file is known to be valid: what is left to fail is memory.
    if (context_ == nullptr) throw Error(ErrorCode::OutOfMemory, "No memory for the model " + path + reason());
}

SequentialWhisper::~SequentialWhisper() {
    idle_.clear();
    whisper_free(context_);
}

std::unique_ptr<SequentialWhisper::State> SequentialWhisper::take_state() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!idle_.empty()) {
            std::unique_ptr<State> state = std::move(idle_.back());
            idle_.pop_back();
            return state;
        }
    }
    return std::make_unique<State>(context_, threads_);
}

void SequentialWhisper::give_back(std::unique_ptr<State> state) {
    state->watch(nullptr);
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(std::move(state));
}

int SequentialWhisper::count_tokens(const std::string& text) const {
    return whisper_token_count(context_, text.c_str());
}

DetectedLanguages SequentialWhisper::detect_language(const float* samples, size_t count,
                                                     const std::atomic<bool>& cancelled) {
    if (!file_.hparams.multilingual()) return {{{"en", 1.0f}}, 0.0f};
    check_window(count);
    const std::vector<float> audio = padded(samples, count);
    std::unique_ptr<State> state = take_state();
    state->watch(&cancelled);
    take_last_error();
    int result =
        whisper_pcm_to_mel_with_state(context_, state->get(), audio.data(), static_cast<int>(audio.size()), threads_);
    if (result == 0) result = whisper_lang_auto_detect_with_state(context_, state->get(), 0, threads_, nullptr);
    if (cancelled) throw agora::cancelled();
    if (result < 0) throw Error(ErrorCode::Internal, "Detecting the language failed" + reason());

    // Upstream's own probabilities take in a language that models of 99 languages do not have.
    const std::vector<float> logits = language_logits(context_, state->get());
    const float highest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float logit : logits) sum += std::exp(logit - highest);
    DetectedLanguages detected;
    std::vector<LanguageProbability>& probabilities = detected.languages;
    for (size_t i = 0; i < logits.size(); ++i) {
        probabilities.push_back(
            {whisper_lang_str(static_cast<int>(i)), static_cast<float>(std::exp(logits[i] - highest) / sum)});
    }
    std::stable_sort(
        probabilities.begin(), probabilities.end(),
        [](const LanguageProbability& a, const LanguageProbability& b) { return a.probability > b.probability; });
    detected.no_speech_prob = no_speech_probability(context_, state->get());
    give_back(std::move(state));
    return detected;
}

std::vector<DecodedSegment> SequentialWhisper::transcribe(const float* samples, size_t count,
                                                          const DecodeOptions& options,
                                                          const std::atomic<bool>& cancelled) {
    check_window(count);
    if (count == 0) return {};
    const std::vector<float> audio = padded(samples, count);
    const bool timestamps = !options.without_timestamps && has_timestamps(file_.hparams);

    whisper_full_params params =
        whisper_full_default_params(options.beam_size > 1 ? WHISPER_SAMPLING_BEAM_SEARCH : WHISPER_SAMPLING_GREEDY);
    params.n_threads = threads_;
    params.language = options.language.c_str();
    params.translate = options.translate;
    params.no_context = true;
    params.no_timestamps = !timestamps;
    params.print_progress = false;
    params.token_timestamps = options.word_timestamps;
    params.max_tokens = options.max_tokens;
    params.initial_prompt = options.prompt.empty() ? nullptr : options.prompt.c_str();
    params.suppress_blank = options.suppress_blank;
    params.suppress_nst = options.suppress_non_speech;
    params.temperature = options.temperature;
    params.temperature_inc = options.temperature_step;
    params.length_penalty = options.length_penalty;
    params.entropy_thold = options.entropy_threshold;
    params.logprob_thold = options.log_prob_threshold;
    params.no_speech_thold = options.no_speech_threshold;
    params.greedy.best_of = options.best_of;
    params.beam_search.beam_size = options.beam_size;

    std::unique_ptr<State> state = take_state();
    state->watch(&cancelled);
    params.abort_callback = [](void* data) { return static_cast<State*>(data)->aborted(); };
    params.abort_callback_user_data = state.get();
    Progress progress{options.seed, options.temperature, options.temperature_step, 0, {}};
    params.encoder_begin_callback = Progress::begin;
    params.encoder_begin_callback_user_data = &progress;
    params.new_segment_callback = Progress::new_segments;
    params.new_segment_callback_user_data = &progress;
    Filter filter{options.suppress_tokens, threads_};
    params.logits_filter_callback = Filter::apply;
    params.logits_filter_callback_user_data = &filter;

    take_last_error();
    int result = 0;
    try {
        result = whisper_full_with_state(context_, state->get(), params, audio.data(), static_cast<int>(audio.size()));
    } catch (const std::bad_alloc&) {
        throw Error(ErrorCode::OutOfMemory, "No memory to decode a window");
    }
    if (result == kNoMemoryForBeams) {
        state->forget();
        throw Error(ErrorCode::OutOfMemory, "No memory for " + std::to_string(options.beam_size) + " beams or " +
                                                std::to_string(options.best_of) + " samples" + reason());
    }
    if (cancelled) throw agora::cancelled();
    if (result != 0) throw Error(ErrorCode::Internal, "Decoding failed with code " + std::to_string(result) + reason());

    const double duration = static_cast<double>(count) / kSampleRate;
    const auto seconds = [&](int64_t centiseconds) {
        return std::clamp(static_cast<double>(centiseconds) / 100.0, 0.0, duration);
    };
    const int end_of_text = whisper_token_eot(context_);
    std::vector<DecodedSegment> segments;
    for (int i = 0; i < whisper_full_n_segments_from_state(state->get()); ++i) {
        DecodedSegment segment{};
        segment.start = timestamps ? seconds(whisper_full_get_segment_t0_from_state(state->get(), i)) : 0.0;
        segment.end = timestamps ? seconds(whisper_full_get_segment_t1_from_state(state->get(), i)) : duration;
        segment.end = std::max(segment.start, segment.end);
        segment.text = valid_utf8(whisper_full_get_segment_text_from_state(state->get(), i));
        segment.no_speech_prob = whisper_full_get_segment_no_speech_prob_from_state(state->get(), i);
        segment.temperature = progress.temperatures.at(static_cast<size_t>(i));
        double log_prob = 0;
        double probability = 0;
        int text_tokens = 0;
        std::vector<TimedToken> timed;
        const int n_tokens = whisper_full_n_tokens_from_state(state->get(), i);
        for (int j = 0; j < n_tokens; ++j) {
            const whisper_token_data token = whisper_full_get_token_data_from_state(state->get(), i, j);
            log_prob += token.plog;
            if (token.id >= end_of_text) continue;
            ++text_tokens;
            probability += token.p;
            segment.tokens.push_back(token.id);
            segment.probabilities.push_back(token.p);
            timed.push_back({whisper_token_to_str(context_, token.id), seconds(token.t0), seconds(token.t1), token.p});
        }
        segment.avg_log_prob = n_tokens > 0 ? static_cast<float>(log_prob / n_tokens) : 0.0f;
        segment.confidence = text_tokens > 0 ? static_cast<float>(probability / text_tokens) : 0.0f;
        if (options.word_timestamps) segment.words = split_words(timed, options.language);
        segments.push_back(std::move(segment));
    }
    give_back(std::move(state));
    if (options.word_timestamps) refine_word_times(segments, find_pauses(samples, count), 0, duration);
    return segments;
}

}  // namespace agora
