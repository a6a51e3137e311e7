// A window on its way through the batched engine: what is asked, what was made of it so far, what is answered.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "engine/audio/pauses.h"
#include "engine/audio/silence.h"
#include "engine/audio/sound_spans.h"
#include "engine/audio/steady_sound.h"
#include "engine/audio/window.h"
#include "engine/decoder/draft_model.h"
#include "engine/decoder/live_text.h"
#include "engine/decoder/window_decoding.h"
#include "engine/error.h"
#include "engine/schedule/executor.h"
#include "engine/schedule/live_request.h"
#include "engine/schedule/spectrogram_ahead.h"
#include "engine/text/segments.h"
#include "engine/text/transcript.h"

namespace agora {

using Languages = std::vector<LanguageProbability>;  // most probable first

// What to do with a window whose language is detected.
struct Detection {
    // Probability of the first language from which on the window is transcribed in it, by what the encoder has heard
    // of it already; infinite: never.
    double transcribe_from = std::numeric_limits<double>::infinity();
    // Told of the languages before any text is decoded, from a step. May be empty.
    std::function<void(const Languages&, float no_speech_prob)> on_languages;
};

struct WindowRequest {
    std::vector<float> samples;  // 16 kHz mono, at most 30 s
    // Where speech was found in them, in order; without, it is told from other sound by its level.
    std::vector<SoundSpan> speech;
    std::string language;  // empty: detect it
    Detection detection;
    bool translate = false;
    std::vector<int> prompt;  // tokens of the text before the window
    std::vector<int> prefix;  // text tokens that its own text begins with
    bool word_timestamps = false;
    WordPunctuation punctuation;
    // Seconds of silence from which text that is probably invented is looked for around it.
    std::optional<double> hallucination_silence_threshold;
    SearchOptions search;
    // Of a step of live transcription, whose search is LiveSteps' own.
    std::optional<LiveRequest> live;
    std::shared_ptr<const std::atomic<bool>> cancelled;
    // Whose window it is, and how urgent; the rest follows from the search.
    JobTraits turn;
};

struct WindowOutcome {
    std::vector<DecodedSegment> segments;
    LiveOutcome live;      // in place of the segments, where that was asked
    std::string language;  // of the segments; empty: only detected, not transcribed
    Languages languages;   // when detected
    // When detected, and of live steps: of the whole vocabulary where the transcript starts, as openai-whisper defines
    // it.
    float no_speech_prob = 0;
    DraftCount draft;
    // Where text that the model is sure of was left out, in sound like speech that it takes for no speech itself.
    std::vector<SoundSpan> dropped;
    // Whether all text passed the guards: else it is no context for what follows.
    bool reliable = true;
    std::exception_ptr error;
};

// Less than this is no speech worth another look.
inline constexpr size_t kMinSamples = kSampleRate / 10;

// Digital silence this far around a segment, in seconds, means that nobody spoke it; and this much of it before speech
// is heard: the first time that a model gives may be a second, so longer silence would hide the speech after it.
inline constexpr double kSilentMargin = 0.5;

class WhisperWindow final : public Task {
  public:
    using Done = std::function<void(WindowOutcome)>;

  private:
    // The first member: it may hold the model, whose decoder goes after the memory below.
    Done done_;

  public:
    WhisperWindow(WindowRequest request, Done done) : done_(std::move(done)), request(std::move(request)) {}
    ~WhisperWindow() override {
        if (counted_ != nullptr) *counted_ -= sequences();
    }
    WhisperWindow(const WhisperWindow&) = delete;
    WhisperWindow& operator=(const WhisperWindow&) = delete;

    bool cancelled() const override { return request.cancelled->load(std::memory_order_relaxed); }
    size_t remaining() const { return request.samples.size() - position; }
    bool languages_known() const { return !outcome.languages.empty(); }
    bool detects() const { return request.language.empty(); }
    // Whether nothing can be heard from `start` to `end` seconds and a little around them.
    bool is_silent(double start, double end) const {
        const size_t first = sample_at(start - kSilentMargin);
        return is_digital_silence(request.samples.data() + first, sample_at(end + kSilentMargin) - first);
    }
    // Whether a machine makes the sound from `start` to `end` seconds.
    bool is_steady(double start, double end) const {
        const size_t first = sample_at(start);
        return is_steady_sound(request.samples.data() + first, sample_at(end) - first);
    }
    // Of all samples: found once, when they are first asked for.
    const std::vector<Pause>& pauses() {
        if (!pauses_) pauses_ = find_pauses(request.samples.data(), request.samples.size());
        return *pauses_;
    }
    void skip_silence() {
        if (request.live) return;
        constexpr auto kMargin = static_cast<size_t>(kSilentMargin * kSampleRate);
        const size_t silence = leading_silence(request.samples.data() + position, remaining());
        position += silence > kMargin ? silence - kMargin : 0;
    }

    // The spectrogram of what comes next.
    void prepare_spectrogram(const LogMel& log_mel) {
        if (spectrogram_.is_prepared()) return;
        skip_silence();
        spectrogram_.prepare(log_mel, request.samples.data() + position, remaining());
    }
    std::vector<float> take_spectrogram(const LogMel& log_mel, const InParts& in_parts) {
        if (checking) return filled_spectrogram(log_mel, in_parts);
        if (!spectrogram_.is_prepared()) skip_silence();
        return spectrogram_.take(log_mel, request.samples.data() + position, remaining(), in_parts);
    }
    bool is_finished() const {
        if (detects()) return languages_known() || request.samples.empty();
        return (position > 0 && remaining() < kMinSamples) ||
               is_digital_silence(request.samples.data() + position, remaining());
    }

    // Sequences of the decoder that it has at once, at most: those of a pass, or one that is suspended and its check.
    int sequences() const { return std::max(2, request.search.sequences()); }
    // Counts them among those of the batch, until it goes.
    bool is_counted() const { return counted_ != nullptr; }
    void count_in(int& sequences) {
        counted_ = &sequences;
        sequences += this->sequences();
    }

    // What it needs as it is now.
    Work following() const {
        if (choice_error) return Work::Settle;
        if (detection) return languages_known() ? Work::Settle : Work::Decode;
        if (decoding)
            return decoding->done() || decoding->in_doubt() || decoding->fails() ? Work::Settle : Work::Decode;
        return Work::Encode;
    }

    void finish() {
        outcome.language = std::move(request.language);
        next.reset();
    }
    void answer() override {
        if (failure) outcome = {};
        outcome.error = failure;
        done_(std::move(outcome));
    }

    WindowRequest request;
    WindowOutcome outcome;
    size_t position = 0;  // samples before it are settled
    std::unique_ptr<WindowMemory> cross;
    std::unique_ptr<SequenceMemory> detection;  // the decoder's memory of a language detection
    std::unique_ptr<LiveText> live;             // that the decoding is followed by
    std::unique_ptr<WindowDecoding> decoding;
    std::unique_ptr<DraftMemory> draft;
    WindowFrames frames;              // of which the encoder's output is
    bool needs_all_frames = false;    // as a pass over fewer has failed
    std::exception_ptr choice_error;  // of the last step
    double last_speech = 0;           // seconds where the text so far ends

    // A pass whose text is in doubt, while the window is heard without silence behind it.
    std::unique_ptr<WindowDecoding> suspended;
    bool checking = false;  // the encoder's output is, or will be, of the window without silence behind it
    bool again = false;     // what a pass has left unheard is listened to
    // A text without times that is short for what there is to hear, while the model writes another one without times:
    // models that were trained without them stop where they would write one.
    std::optional<DecodedText> timed;
    int loops = 0;  // passes that ended in one

  private:
    size_t sample_at(double seconds) const {
        return std::min(static_cast<size_t>(std::max(0.0, seconds) * kSampleRate), request.samples.size());
    }
    // What is left, over and over until 30 s are full.
    std::vector<float> filled_spectrogram(const LogMel& log_mel, const InParts& in_parts) const {
        std::vector<float> filled(kMaxWindowSamples);
        const size_t count = remaining();
        for (size_t i = 0; i < filled.size(); ++i) filled[i] = request.samples[position + i % count];
        std::vector<float> mel(static_cast<size_t>(log_mel.bands()) * LogMel::kFrames);
        log_mel.compute(filled.data(), filled.size(), mel.data(), in_parts);
        return mel;
    }

    int* counted_ = nullptr;
    std::optional<std::vector<Pause>> pauses_;
    // The last member: it is waited for before what it reads is gone.
    SpectrogramAhead spectrogram_;
};

}  // namespace agora
