#include "engine/schedule/window_passes.h"

#include <algorithm>
#include <cmath>

#include "engine/audio/pauses.h"
#include "engine/audio/steady_sound.h"
#include "engine/encoder/encoder.h"
#include "engine/error.h"
#include "engine/text/hallucination.h"
#include "engine/text/repeated_text.h"
#include "engine/text/segments.h"

namespace agora {
namespace {

// Samples of a window that is full enough.
constexpr size_t kFull = kMaxWindowSamples - kSampleRate / 4;
// Probability of silence that speech with silence behind it seldom has.
constexpr float kDoubt = 0.2f;
// Mean log probability of a text that is more than a guess.
constexpr float kSure = -0.7f;
// Tokens a second of speech with pauses in it; what is made up for other sound is shorter.
constexpr double kSpokenTokens = 1.5;
// … and those that nobody speaks in a second, in any language: a whole sentence for a note of a piano.
constexpr double kCrammedTokens = 15;
// So often at least is something said again and again.
constexpr size_t kTurns = 4;
// Tokens that show whether there is a text at all.
constexpr int kCheckTokens = 64;
// Seconds of sound behind a text that are listened to, how far before them that begins, and what a pass has to have
// moved on by, so that passes come to an end.
constexpr double kUnheard = 1;
constexpr double kRunUp = 0.2;
constexpr double kMinAdvance = 0.5;
// Where a pass that found nothing is followed by another, sound is at least this far on.
constexpr double kFarOn = 2;
// Fewer tokens a second of sound than anybody speaks.
constexpr double kFewTokens = 2.5;
// Of a text that stands for this much speech and has fewer tokens a second than that, most was left out: of what is
// said again and again, models like to write one turn, with times as if it had been all.
constexpr double kContracted = 6;
constexpr double kContractedTokens = 1.25;
// More tokens a second than anybody speaks: such times are none.
constexpr double kMostTokens = 25;
constexpr int kMaxLoops = 2;
// Seconds: of a pause between sentences, and how far behind one a model closes the sentence before it.
constexpr double kSentencePause = 0.2;
constexpr double kLate = 1;

// The end of a pass's text, unless the text would have been spoken in no time.
std::optional<double> believable_end(const PassSegments& pass, double offset) {
    size_t tokens = 0;
    for (const DecodedSegment& segment : pass.segments) tokens += segment.tokens.size();
    if (pass.text_end && static_cast<double>(tokens) > kMostTokens * (*pass.text_end - offset)) return std::nullopt;
    return pass.text_end;
}

std::vector<SoundSpan> spans_of(const std::vector<DecodedSegment>& segments) {
    std::vector<SoundSpan> spans;
    for (const DecodedSegment& segment : segments) spans.push_back({segment.start, segment.end});
    return spans;
}

bool writes_times(const WhisperWindow& window) {
    return window.request.search.rules.timestamps && !window.timed;
}

}  // namespace

WindowPasses::WindowPasses(const WhisperHyperParameters& hparams, const Vocabulary& vocabulary, const LogitRules& rules,
                           const LogMel& log_mel, Decoder& decoder)
    : prompt_(hparams, vocabulary),
      vocabulary_(vocabulary),
      rules_(rules),
      log_mel_(log_mel),
      decoder_(decoder),
      words_(hparams, vocabulary, decoder) {}

void WindowPasses::begin(WhisperWindow& window) const {
    if (window.suspended && !window.checking) {
        window.decoding = std::move(window.suspended);
        return;
    }
    const WindowRequest& request = window.request;
    const std::vector<int> start = prompt_.start(request.language, request.translate, writes_times(window));
    // What the window's own text begins with takes its room from the text before.
    const size_t room = prompt_.room() - std::min(request.prefix.size(), prompt_.room());
    std::vector<int> prompt = prompt_.previous(request.prompt, room);
    prompt.insert(prompt.end(), start.begin(), start.end());
    SearchOptions search = window.request.search;
    search.rules.timestamps = writes_times(window);
    if (!window.checking) search.prefix = prefix_of(window);
    search.duration = static_cast<double>(window.remaining()) / kSampleRate;
    search.must_pass = window.frames.count() < WindowFrames::kAll;
    if (window.checking) {
        search.temperatures = {0};
        search.beam_size = 1;
        search.duration = static_cast<double>(kMaxWindowSamples) / kSampleRate;
        search.max_tokens = std::min(search.max_tokens, kCheckTokens);
    } else if (window.again && window.request.speech.empty()) {
        // Nothing says that this is speech but its loudness: what is not plain at once is none.
        search.temperatures.resize(1);
    }
    if (!window.checking && std::isfinite(search.no_speech_threshold) && window.remaining() < kFull)
        search.doubt_threshold = std::min(kDoubt, search.no_speech_threshold);
    if (std::isfinite(search.compression_ratio_threshold)) {
        search.is_spoken_repetition = [this, &window,
                                       threshold = search.compression_ratio_threshold](const DecodedText& text) {
            return is_spoken_repetition(text, vocabulary_, log_mel_, window.request.samples.data() + window.position,
                                        window.remaining(), threshold);
        };
    }
    window.decoding = std::make_unique<WindowDecoding>(vocabulary_, rules_, decoder_, *window.cross, std::move(prompt),
                                                       start.size(), search);
}

// What the text of the window's first pass begins with: as in faster-whisper after the first time, with times.
std::vector<int> WindowPasses::prefix_of(const WhisperWindow& window) const {
    std::vector<int> prefix = window.request.prefix;
    prefix.resize(std::min(prefix.size(), prompt_.room()));
    if (!prefix.empty() && writes_times(window)) prefix.insert(prefix.begin(), vocabulary_.first_timestamp);
    return prefix;
}

void WindowPasses::suspend(WhisperWindow& window) const {
    window.suspended = std::move(window.decoding);
    window.checking = true;
}

void WindowPasses::resolve(WhisperWindow& window) const {
    const DecodedText& text = window.decoding->text();
    const float threshold = window.request.search.no_speech_threshold;
    const bool unlikely = text.no_speech_prob > threshold && !is_plausible(window, window.suspended->text_in_doubt());
    // Without a voice activity detector that says otherwise, no speech either way is none.
    const bool both_ways = window.request.speech.empty() && window.suspended->no_speech_prob() > threshold;
    // Nor is a guess either way, where silence is not unlikely: tones that come and go.
    const float log_prob_threshold = window.request.search.log_prob_threshold;
    const bool guessed = window.request.speech.empty() && text.improbable &&
                         window.suspended->text_in_doubt().avg_log_prob < log_prob_threshold &&
                         text.no_speech_prob + window.suspended->no_speech_prob() > threshold;
    // The sound that stands over and over in it repeats itself, and so does the text of speech.
    const bool loops = text.repetitive && (window.suspended->text_in_doubt().repetitive ||
                                           (window.request.speech.empty() && !takes_turns(window)));
    const bool crammed = token_rate(window, window.suspended->text_in_doubt()) > kCrammedTokens;
    const bool silence = guessed || (unlikely && (both_ways || text.silence || text.improbable || loops || crammed));
    window.suspended->resolve_doubt(silence, text.no_speech_prob);
    window.decoding = nullptr;
    window.checking = false;
    // Silence needs no encoder any more.
    if (silence) window.decoding = std::move(window.suspended);
}

// Tokens of text for a second of the sound that is left, without those that the text was told to begin with.
double WindowPasses::token_rate(const WhisperWindow& window, const DecodedText& text) const {
    const auto is_text = [this](int token) { return vocabulary_.is_text(token); };
    const auto first = text.tokens.begin() + static_cast<std::ptrdiff_t>(std::min(text.given, text.tokens.size()));
    const auto tokens = static_cast<double>(std::count_if(first, text.tokens.end(), is_text));
    return tokens * kSampleRate / static_cast<double>(std::max<size_t>(window.remaining(), 1));
}

// Whether a text is as sure, and as long for the sound that there is, as only speech makes it, and the sound rises and
// falls like speech: models take synthetic voices and dictated numbers for no speech, and write them rightly
// nevertheless, but they are sure of subtitles' credits in noise too.
bool WindowPasses::is_plausible(const WhisperWindow& window, const DecodedText& text) const {
    const double seconds = static_cast<double>(window.remaining()) / kSampleRate;
    const double rate = token_rate(window, text);
    return text.avg_log_prob >= kSure && !text.repetitive && seconds >= kUnheard && rate >= kSpokenTokens &&
           rate <= kCrammedTokens &&
           rises_and_falls(window.request.samples.data() + window.position, window.remaining());
}

// Whether the sound that is left comes in turns, with pauses between them, as when somebody says a sentence again and
// again. Tones that come and go are as loud all the time.
bool WindowPasses::takes_turns(const WhisperWindow& window) const {
    const float* samples = window.request.samples.data() + window.position;
    return rises_and_falls(samples, window.remaining()) && turns_of(samples, window.remaining()).size() >= kTurns;
}

void WindowPasses::settle(WhisperWindow& window) const {
    DecodedText text = window.decoding->text();
    const double offset = static_cast<double>(window.position) / kSampleRate;
    const size_t remaining = window.remaining();
    bool timed = window.request.search.rules.timestamps;
    bool failed = text.improbable || text.repetitive;
    if (window.timed) {
        // The other text is better when it is good, and longer.
        timed = text.silence || failed || text.tokens.size() <= window.timed->tokens.size();
        if (timed) text = std::move(*window.timed);
        window.timed = std::nullopt;
        failed = text.improbable || text.repetitive;
    } else if (timed && text.no_speech_prob <= window.request.search.no_speech_threshold) {
        const PassSegments pass = split_segments(text, vocabulary_, offset, remaining, true);
        std::vector<SoundSpan> sound = sound_of(window, pass.segments);
        // Up to the end that it claims.
        const double end = believable_end(pass, offset).value_or(std::numeric_limits<double>::infinity());
        for (SoundSpan& span : sound) span = {std::min(span.start, end), std::min(span.end, end)};
        if (pass.settled == remaining && is_short(pass.segments, offset, sound)) {
            window.timed = std::move(text);
            window.decoding = nullptr;
            return;
        }
    }
    PassSegments pass = split_segments(text, vocabulary_, offset, remaining, timed);
    std::vector<DecodedSegment>& segments = pass.segments;
    const bool likely_silence = failed || text.no_speech_prob > window.request.search.no_speech_threshold;
    const bool with_vad = !window.request.speech.empty();
    // A guess that is too short for what it stands for: "Thank you." for half a minute of music.
    const bool guess = !with_vad && text.improbable && is_short(segments, offset, spans_of(segments));
    const bool silence = text.silence || guess || (window.again && !with_vad && likely_silence);
    if (!silence && failed) window.outcome.reliable = false;
    if (text.repetitive) ++window.loops;
    const auto unheard = [&](const DecodedSegment& segment) {
        // A voice activity detector tells tones from speech itself.
        const bool tone = !with_vad && window.is_steady(segment.start, segment.end);
        return silence || tone || window.is_silent(segment.start, segment.end);
    };
    if (text.silence && !text.improbable && !with_vad && !window.again) tell_dropped(window, segments);
    segments.erase(std::remove_if(segments.begin(), segments.end(), unheard), segments.end());
    const size_t position = window.position;
    window.position += silence ? remaining : pass.settled;
    const std::optional<double> threshold = window.request.hallucination_silence_threshold;
    std::optional<TextAttention> attention;
    if (window.position == position + remaining && window.loops <= kMaxLoops)
        listen_again(window, offset, pass, attention);
    if (!silence && pass.settled < remaining) begin_in_pause(window, offset, segments, attention);
    if ((window.request.word_timestamps || threshold) && !segments.empty())
        words_.add(window, attention_of(window, segments, attention), offset, segments);
    if (threshold) {
        const double end = static_cast<double>(window.request.samples.size()) / kSampleRate;
        const PassTimes times{offset, end, window.last_speech};
        const auto resume = skip_hallucinations(segments, pass.ends_with_timestamp, times, *threshold);
        if (resume) {
            const auto sample = std::min(static_cast<size_t>(*resume * kSampleRate), window.request.samples.size());
            // Sound that is left unheard comes before silence that may be passed over.
            window.position = window.again ? std::min(sample, window.position) : sample;
        }
    }
    if (!segments.empty()) window.last_speech = segments.back().end;
    window.outcome.draft.proposed += text.draft.proposed;
    window.outcome.draft.accepted += text.draft.accepted;
    std::move(segments.begin(), segments.end(), std::back_inserter(window.outcome.segments));
    window.request.prefix.clear();
    window.decoding = nullptr;
}

// Notes where a text is left out that may be what somebody says: no voice activity detector has said that nobody does.
void WindowPasses::tell_dropped(WhisperWindow& window, const std::vector<DecodedSegment>& segments) const {
    if (!rises_and_falls(window.request.samples.data() + window.position, window.remaining())) return;
    for (const DecodedSegment& segment : segments) {
        if (!window.is_silent(segment.start, segment.end) && !window.is_steady(segment.start, segment.end))
            window.outcome.dropped.push_back({segment.start, segment.end});
    }
}

// Where there is sound: speech, when it is known where; or what is as loud as where text was heard.
std::vector<SoundSpan> WindowPasses::sound_of(const WhisperWindow& window,
                                              const std::vector<DecodedSegment>& segments) const {
    if (!window.request.speech.empty()) return window.request.speech;
    std::vector<SoundSpan> heard;
    for (const auto* each : {&window.outcome.segments, &segments}) {
        for (const DecodedSegment& segment : *each) heard.push_back({segment.start, segment.end});
    }
    return sound_spans(window.request.samples.data(), window.request.samples.size(), heard);
}

// Whether there is less text than anybody would speak where there is sound from `offset` on.
bool WindowPasses::is_short(const std::vector<DecodedSegment>& segments, double offset,
                            const std::vector<SoundSpan>& sound) const {
    size_t tokens = 0;
    for (const DecodedSegment& segment : segments) tokens += segment.tokens.size();
    const double seconds = total_of(spans_after(sound, offset));
    return seconds >= kUnheard && static_cast<double>(tokens) < kFewTokens * (seconds - kUnheard);
}

// Whether a good text has left out most of the speech that it claims to end behind, at `end`.
bool WindowPasses::is_contracted(const WhisperWindow& window, const PassSegments& pass, double offset,
                                 double end) const {
    const bool is_good = std::all_of(pass.segments.begin(), pass.segments.end(), [&](const DecodedSegment& segment) {
        return segment.avg_log_prob >= window.request.search.log_prob_threshold;
    });
    size_t tokens = 0;
    for (const DecodedSegment& segment : pass.segments) tokens += segment.tokens.size();
    std::vector<SoundSpan> speech = spans_after(window.request.speech, offset);
    for (SoundSpan& span : speech) span = {std::min(span.start, end), std::min(span.end, end)};
    const double seconds = total_of(speech);
    return is_good && seconds >= kContracted && static_cast<double>(tokens) < kContractedTokens * seconds;
}

// Seconds at which a text ends that has no time there, or none to be believed. By the frames that its tokens looked at,
// when it is short for what there is to hear; else it is taken to have heard everything.
double WindowPasses::end_of_text(const WhisperWindow& window, double offset,
                                 const std::vector<DecodedSegment>& segments, const std::vector<SoundSpan>& sound,
                                 std::optional<TextAttention>& attention) const {
    if (!is_short(segments, offset, sound)) return std::numeric_limits<double>::infinity();
    return end_of_words(window, offset, segments, attention);
}

// Moves back to sound behind the end of a pass's text.
void WindowPasses::listen_again(WhisperWindow& window, double offset, PassSegments& pass,
                                std::optional<TextAttention>& attention) const {
    window.again = false;
    std::vector<DecodedSegment>& segments = pass.segments;
    const std::vector<SoundSpan> sound = sound_of(window, segments);
    if (total_of(spans_after(sound, offset)) < kUnheard) return;
    double end = offset + kFarOn;
    std::optional<double> known = believable_end(pass, offset);
    if (known && is_contracted(window, pass, offset, *known)) known = std::nullopt;
    if (!segments.empty()) end = known ? *known : end_of_text(window, offset, segments, sound, attention);
    const std::vector<SoundSpan> rest = spans_after(sound, end);
    if (total_of(rest) < kUnheard) return;
    const double resume = std::max(end, rest.front().start - kRunUp);
    // A pass without text has heard what it begins with.
    if (segments.empty() && rest.front().start <= end) return;
    if (resume < offset + kMinAdvance) return;
    if (!segments.empty()) segments.back().end = std::max(segments.back().start, std::min(segments.back().end, end));
    window.position = static_cast<size_t>(resume * kSampleRate);
    window.again = true;
}

// Moves back to the beginning of a sentence that the next pass would begin within: models close what they wrote late,
// at times when the next sentence is under way, whose first words nothing would hear. As faster-whisper does with word
// times, it goes by the last word: what follows the pause behind that word is heard anew.
void WindowPasses::begin_in_pause(WhisperWindow& window, double offset, std::vector<DecodedSegment>& segments,
                                  std::optional<TextAttention>& attention) const {
    if (segments.empty()) return;
    const double closed = static_cast<double>(window.position) / kSampleRate;
    const auto pause = pause_before(window.pauses(), closed, kSentencePause, kLate);
    // What is left out between the last text that stands and there is not heard again.
    if (!pause || segments.back().end <= pause->end) return;
    const double resume = std::max(pause->start, pause->end - kRunUp);
    if (resume < offset + kMinAdvance || end_of_words(window, offset, segments, attention) > pause->end) return;
    segments.back().end = std::max(segments.back().start, std::min(segments.back().end, resume));
    window.position = static_cast<size_t>(resume * kSampleRate);
}

// Seconds at which the last word of a pass ends, by the frames that its tokens looked at.
double WindowPasses::end_of_words(const WhisperWindow& window, double offset,
                                  const std::vector<DecodedSegment>& segments,
                                  std::optional<TextAttention>& attention) const {
    const TextAttention& seen = attention_of(window, segments, attention);
    return offset + words_.token_frames(window, seen, offset, {}).back() * kTimestampSeconds;
}

const TextAttention& WindowPasses::attention_of(const WhisperWindow& window,
                                                const std::vector<DecodedSegment>& segments,
                                                std::optional<TextAttention>& attention) const {
    if (attention) return *attention;
    const std::vector<int> start = prompt_.start(window.request.language, window.request.translate, false);
    return attention.emplace(words_.attend(window, start, segments));
}

}  // namespace agora
