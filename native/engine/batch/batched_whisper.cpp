#include "engine/batch/batched_whisper.h"

#include <whisper.h>

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/whisper/softmax.h"

namespace agora {
namespace {

constexpr double kTimestampSeconds = 0.02;
// Less than this is no speech worth another look.
constexpr size_t kMinSamples = kSampleRate / 10;

// Segments of one pass, from `offset` seconds on, and how many samples of it are settled.
// Source: openai-whisper, transcribe.py.
size_t split_segments(const DecodedText& text, const Vocabulary& v, double offset, size_t samples, bool timestamps,
                      std::vector<DecodedSegment>& segments) {
    const double duration = static_cast<double>(samples) / kSampleRate;
    const std::vector<int>& tokens = text.tokens;
    const auto seconds = [&](int token) { return std::min((token - v.first_timestamp) * kTimestampSeconds, duration); };
    const auto is_time = [&](size_t i) { return v.is_timestamp(tokens[i]); };
    const auto add = [&](size_t begin, size_t end, double start, double stop) {
        DecodedSegment segment{};
        double log_prob = 0;
        double probability = 0;
        for (size_t i = begin; i < end; ++i) {
            log_prob += text.log_probs[i];
            if (is_time(i)) continue;
            segment.probabilities.push_back(std::exp(text.log_probs[i]));
            probability += segment.probabilities.back();
            segment.tokens.push_back(tokens[i]);
            segment.text += v.texts[static_cast<size_t>(tokens[i])];
        }
        if (segment.tokens.empty()) return;
        segment.text = valid_utf8(segment.text);
        segment.start = offset + start;
        segment.end = offset + std::max(start, stop);
        segment.avg_log_prob = static_cast<float>(log_prob / static_cast<double>(end - begin));
        segment.confidence = static_cast<float>(probability / static_cast<double>(segment.tokens.size()));
        segment.no_speech_prob = text.no_speech_prob;
        segment.temperature = text.temperature;
        segments.push_back(std::move(segment));
    };
    if (tokens.empty()) return samples;
    if (!timestamps) {
        add(0, tokens.size(), 0, duration);
        return samples;
    }
    const bool single_ending = tokens.size() > 1 && is_time(tokens.size() - 1) && !is_time(tokens.size() - 2);
    std::vector<size_t> ends;
    for (size_t i = 1; i < tokens.size(); ++i) {
        if (is_time(i) && is_time(i - 1)) ends.push_back(i);
    }
    if (ends.empty()) {
        double stop = duration;
        for (const int token : tokens) {
            if (v.is_timestamp(token) && token != v.first_timestamp) stop = seconds(token);
        }
        const double start = is_time(0) && stop > seconds(tokens[0]) ? seconds(tokens[0]) : 0;
        add(0, tokens.size(), start, stop);
        return samples;
    }
    if (single_ending) ends.push_back(tokens.size());
    size_t begin = 0;
    for (const size_t end : ends) {
        add(begin, end, seconds(tokens[begin]), seconds(tokens[end - 1]));
        begin = end;
    }
    if (single_ending) return samples;
    const auto settled = static_cast<size_t>(seconds(tokens[begin - 1]) * kSampleRate);
    return settled == 0 ? samples : std::min(settled, samples);
}

}  // namespace

class BatchedWhisper::Window {
  public:
    Window(WindowRequest request, Done done) : request(std::move(request)), done_(std::move(done)) {}

    bool cancelled() const { return request.cancelled->load(std::memory_order_relaxed); }
    size_t remaining() const { return request.samples.size() - position; }
    bool languages_known() const { return !outcome.languages.empty(); }
    bool detects() const { return request.language.empty(); }

    void finish() { done_(std::move(outcome)); }
    void fail(std::exception_ptr error) {
        outcome = {};
        outcome.error = std::move(error);
        finish();
    }

    WindowRequest request;
    WindowOutcome outcome;
    size_t position = 0;  // samples before it are settled
    std::vector<int> prompt;
    std::unique_ptr<KeyValues> cross;
    std::unique_ptr<KeyValues> detection;  // the decoder's memory of a language detection
    std::unique_ptr<WindowDecoding> decoding;

  private:
    Done done_;
};

BatchedWhisper::BatchedWhisper(const std::string& path, int threads, int batch_size)
    : file_(read_whisper_file(path)),
      vocabulary_(read_vocabulary(path, file_)),
      rules_(vocabulary_),
      log_mel_(file_.hparams.n_mels, read_mel_filters(path, file_)),
      compute_(threads),
      weights_(path, file_, compute_.device()),
      cross_projection_(weights_.decoder, file_.hparams.n_text_head),
      encoder_(weights_.encoder, encoder_shape(file_.hparams), compute_,
               [this](ggml_context* context, ggml_tensor* encoded) { return cross_projection_.build(context, encoded); }),
      decoder_(weights_, file_.hparams, compute_),
      alignment_heads_(alignment_heads(file_.hparams)),
      batch_size_(static_cast<size_t>(batch_size)),
      mel_(static_cast<size_t>(file_.hparams.n_mels) * LogMel::kFrames) {}

BatchedWhisper::~BatchedWhisper() = default;

bool BatchedWhisper::submit(WindowRequest request, Done done) {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_.push_back(std::make_unique<Window>(std::move(request), std::move(done)));
    const bool start = !running_;
    running_ = true;
    return start;
}

// Moves waiting windows into the batch while there is room.
void BatchedWhisper::admit() {
    const std::lock_guard<std::mutex> lock(mutex_);
    while (active_.size() < batch_size_ && !waiting_.empty()) {
        active_.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
}

void BatchedWhisper::run() {
    for (;;) {
        admit();
        if (active_.empty()) {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (!waiting_.empty()) continue;
            running_ = false;
            return;
        }
        // Windows that are done, or cannot go on, leave here, one way or the other.
        for (auto window = active_.begin(); window != active_.end();) {
            window = prepare(**window) ? std::next(window) : active_.erase(window);
        }
        if (!active_.empty()) step();
    }
}

// Brings a window to where it takes part in the next decoder step. False when it has left.
bool BatchedWhisper::prepare(Window& window) {
    try {
        if (window.cancelled()) throw Error(ErrorCode::Cancelled, "The request was cancelled");
        if (window.decoding && window.decoding->done()) settle(window);
        if (window.languages_known() || (window.position > 0 && window.remaining() < kMinSamples) ||
            window.remaining() == 0) {
            window.finish();
            return false;
        }
        if (!window.decoding && !window.detection) encode(window);
        return true;
    } catch (...) {
        window.fail(std::current_exception());
        return false;
    }
}

void BatchedWhisper::encode(Window& window) {
    if (!window.cross) {
        window.cross =
            std::make_unique<KeyValues>(file_.hparams.n_text_layer, file_.hparams.n_text_head, Encoder::kFrames);
    }
    log_mel_.compute(window.request.samples.data() + window.position, window.remaining(), mel_.data());
    cross_projection_.write_to(*window.cross);
    if (!encoder_.run(mel_.data(), window.request.cancelled.get())) {
        throw Error(ErrorCode::Cancelled, "The request was cancelled");
    }
    if (window.detects()) {
        window.detection = decoder_.new_sequence();
        return;
    }
    const size_t start_tokens = add_start_tokens(window.request, window.prompt);
    window.decoding = std::make_unique<WindowDecoding>(vocabulary_, rules_, decoder_, *window.cross, window.prompt,
                                                       start_tokens, window.request.search);
}

// The prompt of a pass: text before the window, at most half of the decoder's context, and the start-of-transcript
// tokens, whose number is returned.
size_t BatchedWhisper::add_start_tokens(const WindowRequest& request, std::vector<int>& prompt) const {
    prompt.clear();
    if (!request.prompt.empty()) {
        const size_t count = std::min(request.prompt.size(), static_cast<size_t>(file_.hparams.n_text_ctx / 2 - 1));
        prompt.push_back(vocabulary_.previous);
        prompt.insert(prompt.end(), request.prompt.end() - static_cast<std::ptrdiff_t>(count), request.prompt.end());
    }
    const size_t before = prompt.size();
    prompt.push_back(vocabulary_.start_of_transcript);
    if (file_.hparams.multilingual()) {
        prompt.push_back(vocabulary_.first_language + whisper_lang_id(request.language.c_str()));
        prompt.push_back(request.translate ? vocabulary_.translate : vocabulary_.transcribe);
    }
    if (!request.search.rules.timestamps) prompt.push_back(vocabulary_.no_timestamps);
    return prompt.size() - before;
}

// Takes the text of a finished pass over and moves on to what the pass has not settled.
void BatchedWhisper::settle(Window& window) {
    const DecodedText& text = window.decoding->text();
    const double offset = static_cast<double>(window.position) / kSampleRate;
    std::vector<DecodedSegment> segments;
    window.position +=
        split_segments(text, vocabulary_, offset, window.remaining(), window.request.search.rules.timestamps, segments);
    if (text.silence) segments.clear();
    if (window.request.word_timestamps && !segments.empty()) add_words(window, offset, segments);
    std::move(segments.begin(), segments.end(), std::back_inserter(window.outcome.segments));
    window.decoding = nullptr;
}

// Word times of a pass. Its text goes through the decoder once more, all tokens at once, to see which frames of the
// window each of them looked at.
void BatchedWhisper::add_words(Window& window, double offset, std::vector<DecodedSegment>& segments) {
    WindowRequest untimed = window.request;
    untimed.prompt.clear();
    untimed.search.rules.timestamps = false;
    std::vector<int> tokens;
    const size_t start_tokens = add_start_tokens(untimed, tokens);
    for (const DecodedSegment& segment : segments)
        tokens.insert(tokens.end(), segment.tokens.begin(), segment.tokens.end());
    tokens.push_back(vocabulary_.end_of_text);
    tokens.resize(std::min(tokens.size(), static_cast<size_t>(file_.hparams.n_text_ctx)));

    AttentionCapture capture{alignment_heads_, {}};
    const auto memory = decoder_.new_sequence();
    if (decoder_.run({{memory.get(), window.cross.get(), 0, tokens, &capture}}, window.request.cancelled.get()) ==
        nullptr) {
        throw Error(ErrorCode::Cancelled, "The request was cancelled");
    }
    const size_t audio_samples = window.request.samples.size() - static_cast<size_t>(offset * kSampleRate);
    const int frames = std::clamp(static_cast<int>(audio_samples / (kSampleRate / 50)), 1, Encoder::kFrames);
    const auto rows = static_cast<int>(tokens.size());
    const std::vector<int> starts = align(capture.weights, static_cast<int>(alignment_heads_.size()), rows,
                                          static_cast<int>(start_tokens) - 1, rows - 1, frames);

    size_t next = 0;
    for (DecodedSegment& segment : segments) {
        std::vector<TimedToken> timed;
        for (size_t i = 0; i < segment.tokens.size() && next + 1 < starts.size(); ++i, ++next) {
            const auto time = [&](size_t i) {
                return std::clamp(offset + starts[i] * kTimestampSeconds, segment.start, segment.end);
            };
            timed.push_back({vocabulary_.texts[static_cast<size_t>(segment.tokens[i])], time(next), time(next + 1),
                             segment.probabilities[i]});
        }
        segment.words = split_words(timed, window.request.language);
    }
}

void BatchedWhisper::step() {
    std::vector<DecoderInput> inputs;
    std::vector<size_t> counts;
    for (const auto& window : active_) {
        const size_t before = inputs.size();
        if (window->detection) {
            inputs.push_back({window->detection.get(), window->cross.get(), 0, {vocabulary_.start_of_transcript}});
        } else {
            window->decoding->add_inputs(inputs);
        }
        counts.push_back(inputs.size() - before);
    }
    try {
        const float* logits = decoder_.run(inputs, nullptr);
        size_t i = 0;
        for (const auto& window : active_) {
            window->detection ? read_languages(*window, logits) : window->decoding->advance(logits);
            logits += counts[i++] * static_cast<size_t>(vocabulary_.size);
        }
    } catch (...) {
        // What was computed for the batch is lost, but only that.
        for (const auto& window : active_) window->fail(std::current_exception());
        active_.clear();
    }
}

void BatchedWhisper::read_languages(Window& window, const float* logits) const {
    const float* first = logits + vocabulary_.first_language;
    const float total = log_sum_exp(first, first + vocabulary_.languages);
    for (int i = 0; i < vocabulary_.languages; ++i) {
        window.outcome.languages.push_back({whisper_lang_str(i), std::exp(first[i] - total)});
    }
    std::stable_sort(
        window.outcome.languages.begin(), window.outcome.languages.end(),
        [](const LanguageProbability& a, const LanguageProbability& b) { return a.probability > b.probability; });
}

}  // namespace agora
