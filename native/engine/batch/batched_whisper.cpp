#include "engine/batch/batched_whisper.h"

#include <whisper.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "engine/batch/window.h"
#include "engine/error.h"
#include "engine/whisper/hallucination.h"
#include "engine/whisper/packed_network.h"
#include "engine/whisper/portable_network.h"
#include "engine/whisper/segments.h"
#include "engine/whisper/softmax.h"

namespace agora {
namespace {

std::unique_ptr<Compute> make_compute(const BatchedOptions& options) {
    if (options.gpu) return std::make_unique<GpuCompute>();
    return std::make_unique<CpuCompute>(options.threads);
}

NetworkLoader network_loader(const BatchedOptions& options, ComputeType type, Compute& compute) {
    const bool portable = options.gpu || options.portable;
    const int batch_size = options.batch_size;
    return [=, &compute](const std::string& path, const WhisperFile& file) -> std::unique_ptr<Network> {
        if (portable) return std::make_unique<PortableNetwork>(path, file, type, batch_size, compute);
        const KernelSet& kernels = *kernel_sets().front();
        return std::make_unique<PackedNetwork>(path, file, choose_precision(type, file, kernels), kernels, compute);
    };
}

[[noreturn]] void throw_cancelled() {
    throw Error(ErrorCode::Cancelled, "The request was cancelled");
}

}  // namespace

BatchedWhisper::BatchedWhisper(const std::string& path, const BatchedOptions& options)
    : file_(read_whisper_file(path)),
      vocabulary_(read_vocabulary(path, file_)),
      rules_(vocabulary_),
      log_mel_(file_.hparams.n_mels, read_mel_filters(path, file_)),
      compute_(make_compute(options)),
      parallel_(*compute_),
      network_(network_loader(options, options.compute_type, *compute_)(path, file_)),
      alignment_heads_(alignment_heads(file_.hparams)),
      batch_size_(static_cast<size_t>(options.batch_size)) {
    if (options.draft_path.empty()) return;
    // A GPU computes in the type of the file, and the draft model's may be another one.
    const ComputeType type = options.gpu || options.portable ? ComputeType::Auto : options.compute_type;
    const Target target{path, file_, vocabulary_, rules_};
    draft_ = std::make_unique<DraftModel>(options.draft_path, target, network_loader(options, type, *compute_));
}

BatchedWhisper::~BatchedWhisper() = default;

bool BatchedWhisper::submit(WindowRequest request, Done done) {
    return queue_.push(std::make_unique<Window>(std::move(request), std::move(done)));
}

BatchedLoad BatchedWhisper::load() const {
    return {queue_.size(), running_, encoded_};
}

void BatchedWhisper::run() {
    for (;;) {
        drop_cancelled();
        admit();
        if (active_.empty()) {
            if (queue_.stop()) return;
            continue;
        }
        // Windows that are done, or cannot go on, leave here, one way or the other.
        for (auto window = active_.begin(); window != active_.end();) {
            window = prepare(**window) ? std::next(window) : active_.erase(window);
        }
        listen();
        if (!active_.empty()) step();
    }
}

void BatchedWhisper::drop_cancelled() {
    for (const auto& window : queue_.take_cancelled()) window->fail_cancelled();
    active_.remove_if([](const std::unique_ptr<Window>& window) {
        if (!window->cancelled()) return false;
        window->fail_cancelled();
        return true;
    });
}

// Moves waiting windows into the batch while there is room.
void BatchedWhisper::admit() {
    while (active_.size() < batch_size_) {
        std::unique_ptr<Window> window = queue_.take();
        if (!window) return;
        window->enter(running_);
        active_.push_back(std::move(window));
    }
}

// Takes a window over its last step. False when it has left.
bool BatchedWhisper::prepare(Window& window) {
    try {
        if (window.choice_error) std::rethrow_exception(window.choice_error);
        const bool detected = window.detection && window.languages_known();
        if (detected) settle_language(window);
        if (window.decoding && window.decoding->done()) settle(window);
        if (window.is_finished()) {
            window.finish();
            return false;
        }
        // The encoder's output of the detection serves the first pass.
        if (detected) begin_decoding(window);
        return true;
    } catch (...) {
        window.fail(std::current_exception());
        return false;
    }
}

// Has spectrograms computed for windows that are next while the device is busy with those before.
void BatchedWhisper::prepare_spectrograms() {
    if (!network_->leaves_processor_free()) return;
    queue_.look_ahead(network_->encoder_batch(), [this](Window& window) {
        if (!window.cancelled() && !window.is_finished()) window.prepare_spectrogram(log_mel_);
    });
}

// Brings windows to where they take part in the next decoder step.
void BatchedWhisper::listen() {
    std::vector<Window*> windows;
    const auto flush = [&] {
        if (windows.empty()) return;
        encode(windows);
        windows.clear();
    };
    for (const auto& window : active_) {
        if (window->is_encoded()) continue;
        windows.push_back(window.get());
        if (windows.size() == network_->encoder_batch()) flush();
    }
    flush();
    active_.remove_if([](const std::unique_ptr<Window>& window) { return !window->is_encoded(); });
}

// Those that fail stay without a decoding.
void BatchedWhisper::encode(const std::vector<Window*>& windows) {
    std::vector<Window*> heard;
    std::vector<std::vector<float>> spectrograms;
    std::vector<EncoderInput> inputs;
    const LogMel::Run run_parts = [this](const LogMel::Part& part) { parallel_.run(part); };
    try {
        for (Window* window : windows) {
            if (window->cancelled()) {
                window->fail_cancelled();
                continue;
            }
            heard.push_back(window);
            if (!window->cross) window->cross = network_->decoder().new_window();
            spectrograms.push_back(window->take_spectrogram(log_mel_, run_parts));
            inputs.push_back({spectrograms.back().data(), window->cross.get()});
        }
        if (heard.empty()) return;
        prepare_spectrograms();
        // What several share is not stopped for one of them.
        const std::atomic<bool>* stop = heard.size() == 1 ? heard.front()->request.cancelled.get() : nullptr;
        if (!network_->encode(inputs, stop)) throw_cancelled();
        encoded_ += inputs.size();
    } catch (...) {
        for (Window* window : heard) window->fail(std::current_exception());
        return;
    }
    for (size_t i = 0; i < heard.size(); ++i) {
        try {
            begin(*heard[i], i);
        } catch (...) {
            heard[i]->fail(std::current_exception());
        }
    }
}

bool BatchedWhisper::wants_draft(const Window& window) const {
    const bool may_be_transcribed = !window.detects() || window.request.detection.transcribe_from <= 1;
    return draft_ && may_be_transcribed && window.request.search.has_greedy_attempt();
}

// `place`: of the window in the encoder's last run.
void BatchedWhisper::begin(Window& window, size_t place) {
    if (wants_draft(window)) {
        window.draft = draft_->listen(window.request.samples.data() + window.position, window.remaining(), *network_,
                                      place, window.request.cancelled.get());
        if (!window.draft) throw_cancelled();
    }
    if (window.detects()) {
        window.detection = network_->decoder().new_sequence();
    } else {
        begin_decoding(window);
    }
}

void BatchedWhisper::begin_decoding(Window& window) {
    const size_t start_tokens = add_start_tokens(window.request, window.prompt);
    SearchOptions search = window.request.search;
    search.duration = static_cast<double>(window.remaining()) / kSampleRate;
    window.decoding = std::make_unique<WindowDecoding>(vocabulary_, rules_, network_->decoder(), *window.cross,
                                                       window.prompt, start_tokens, search);
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

// Gives the window the language that was detected in it, when that is sure enough.
void BatchedWhisper::settle_language(Window& window) {
    window.detection = nullptr;
    const Detection& detection = window.request.detection;
    const Languages& languages = window.outcome.languages;
    if (detection.on_languages) detection.on_languages(languages);
    if (languages.front().probability >= detection.transcribe_from)
        window.request.language = languages.front().language;
}

// Takes the text of a finished pass over and moves on to what the pass has not settled.
void BatchedWhisper::settle(Window& window) {
    const DecodedText& text = window.decoding->text();
    const double offset = static_cast<double>(window.position) / kSampleRate;
    PassSegments pass =
        split_segments(text, vocabulary_, offset, window.remaining(), window.request.search.rules.timestamps);
    std::vector<DecodedSegment>& segments = pass.segments;
    const auto unheard = [&](const DecodedSegment& segment) {
        return text.silence || window.is_silent(segment.start, segment.end);
    };
    segments.erase(std::remove_if(segments.begin(), segments.end(), unheard), segments.end());
    const std::optional<double> threshold = window.request.hallucination_silence_threshold;
    if ((window.request.word_timestamps || threshold) && !segments.empty()) add_words(window, offset, segments);
    window.position += pass.settled;
    if (threshold) {
        const double end = static_cast<double>(window.request.samples.size()) / kSampleRate;
        const PassTimes times{offset, end, window.last_speech};
        const auto resume = skip_hallucinations(segments, pass.ends_with_timestamp, times, *threshold);
        if (resume)
            window.position = std::min(static_cast<size_t>(*resume * kSampleRate), window.request.samples.size());
    }
    if (!segments.empty()) window.last_speech = segments.back().end;
    window.outcome.draft.proposed += text.draft.proposed;
    window.outcome.draft.accepted += text.draft.accepted;
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
    Decoder& decoder = network_->decoder();
    const auto memory = decoder.new_sequence();
    if (decoder.run({{memory.get(), window.cross.get(), 0, tokens, &capture}}, window.request.cancelled.get()) ==
        nullptr) {
        throw_cancelled();
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
        segment.words = split_words(timed, window.request.language, window.request.punctuation);
    }
}

void BatchedWhisper::propose_drafts() {
    std::vector<DraftTask> tasks;
    for (const auto& window : active_) {
        if (window->decoding && window->draft) tasks.push_back({window->draft.get(), window->decoding.get()});
    }
    if (!tasks.empty()) draft_->propose(tasks);
}

void BatchedWhisper::step() {
    try {
        prepare_spectrograms();
        propose_drafts();
        std::vector<DecoderInput> inputs;
        std::vector<size_t> counts;
        for (const auto& window : active_) {
            const size_t before = inputs.size();
            if (window->detection) {
                inputs.push_back({window->detection.get(), window->cross.get(), 0, {vocabulary_.start_of_transcript}});
            } else {
                window->decoding->add_inputs(inputs);
            }
            counts.push_back(0);
            for (size_t i = before; i < inputs.size(); ++i) counts.back() += inputs[i].outputs();
        }
        choose(network_->decoder().run(inputs, nullptr), counts);
    } catch (...) {
        // What was computed for the batch is lost, but only that.
        for (const auto& window : active_) window->fail(std::current_exception());
        active_.clear();
    }
}

// Every window makes its choice from its logits, of which it has `counts`: a pass over the vocabulary for each.
void BatchedWhisper::choose(const float* logits, const std::vector<size_t>& counts) {
    std::vector<std::pair<Window*, const float*>> choices;
    for (const auto& window : active_) {
        const size_t count = counts[choices.size()];
        choices.emplace_back(window.get(), logits);
        logits += count * static_cast<size_t>(vocabulary_.size);
    }
    std::atomic<size_t> next{0};
    const LogMel::Part choose_some = [&](int, int) {
        for (size_t i = next++; i < choices.size(); i = next++) {
            auto [window, own] = choices[i];
            try {
                window->detection ? read_languages(*window, own) : window->decoding->advance(own);
            } catch (...) {
                // Its own, not the batch's: prepare() fails this window alone.
                window->choice_error = std::current_exception();
            }
        }
    };
    // A portable decoder copies the memory of beams by graphs of its own, which cannot run inside another.
    network_->leaves_processor_free() ? choose_some(0, 1) : parallel_.run(choose_some);
}

void BatchedWhisper::read_languages(Window& window, const float* logits) const {
    const float* first = logits + vocabulary_.first_language;
    const float total = log_sum_exp(first, first + vocabulary_.languages);
    if (!std::isfinite(total))
        throw Error(ErrorCode::ModelInvalid, "The model computes no numbers for the languages: is it damaged?");
    for (int i = 0; i < vocabulary_.languages; ++i) {
        window.outcome.languages.push_back({whisper_lang_str(i), std::exp(first[i] - total)});
    }
    std::stable_sort(
        window.outcome.languages.begin(), window.outcome.languages.end(),
        [](const LanguageProbability& a, const LanguageProbability& b) { return a.probability > b.probability; });
}

}  // namespace agora
