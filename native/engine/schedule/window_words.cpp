#include "engine/schedule/window_words.h"

#include <algorithm>
#include <utility>

#include "engine/audio/pauses.h"
#include "engine/encoder/encoder.h"
#include "engine/error.h"
#include "engine/text/word_times.h"

namespace agora {
namespace {

// Pauses shorter than this may be inside words, and this much of each at both ends may hold a sound too soft to tell.
constexpr double kClearPause = 0.3;
constexpr double kPauseEdge = 0.06;

// Tokens take longer than this many frames. Text with less sound than that is of a voice too soft to tell from noise.
constexpr std::ptrdiff_t kLeastFramesPerToken = 2;

// Which of `frames` frames from `offset` seconds on nobody speaks in.
std::vector<bool> silent_frames(const std::vector<Pause>& pauses, double offset, int frames) {
    std::vector<bool> silent(static_cast<size_t>(frames), false);
    for (const Pause& pause : pauses) {
        if (pause.end - pause.start < kClearPause) continue;
        const auto frame = [&](double seconds) {
            return static_cast<size_t>(
                std::clamp((seconds - offset) / kTimestampSeconds, 0.0, static_cast<double>(frames)));
        };
        const bool begins = pause.start <= offset;
        const bool ends = pause.end >= offset + frames * kTimestampSeconds - kTimestampSeconds;
        const size_t first = begins ? 0 : frame(pause.start + kPauseEdge + kTimestampSeconds);
        const size_t last = ends ? silent.size() : frame(pause.end - kPauseEdge);
        for (size_t i = first; i < last; ++i) silent[i] = true;
    }
    return silent;
}

// Of the window's sound, from `offset` seconds on.
int frames_after(const WhisperWindow& window, double offset) {
    const double duration = static_cast<double>(window.request.samples.size()) / kSampleRate;
    return std::clamp(static_cast<int>((duration - offset) / kTimestampSeconds), 1, Encoder::kFrames);
}

}  // namespace

WindowWords::WindowWords(const WhisperHyperParameters& hparams, const Vocabulary& vocabulary, Decoder& decoder)
    : hparams_(hparams), vocabulary_(vocabulary), decoder_(decoder), heads_(alignment_heads(hparams)) {}

TextAttention WindowWords::attend(const WhisperWindow& window, const std::vector<int>& start_tokens,
                                  const std::vector<DecodedSegment>& segments) const {
    std::vector<int> tokens = start_tokens;
    for (const DecodedSegment& segment : segments)
        tokens.insert(tokens.end(), segment.tokens.begin(), segment.tokens.end());
    tokens.push_back(vocabulary_.end_of_text);
    tokens.resize(std::min(tokens.size(), static_cast<size_t>(hparams_.n_text_ctx)));

    AttentionCapture capture{heads_, {}};
    const auto memory = decoder_.new_sequence();
    if (decoder_.run({{memory.get(), window.cross.get(), 0, tokens, &capture}}, window.request.cancelled.get()) ==
        nullptr) {
        throw cancelled();
    }
    return {std::move(capture.weights), static_cast<int>(start_tokens.size()), static_cast<int>(tokens.size())};
}

std::vector<int> WindowWords::token_frames(const WhisperWindow& window, const TextAttention& attention, double offset,
                                           const std::vector<bool>& silent) const {
    return align(attention.weights, static_cast<int>(heads_.size()), attention.rows, attention.start_tokens - 1,
                 attention.rows - 1, frames_after(window, offset), silent);
}

void WindowWords::add(WhisperWindow& window, const TextAttention& attention, double offset,
                      std::vector<DecodedSegment>& segments) const {
    const std::vector<float>& samples = window.request.samples;
    const double duration = static_cast<double>(samples.size()) / kSampleRate;
    std::vector<Pause> pauses = window.pauses();
    std::vector<bool> silent = silent_frames(pauses, offset, frames_after(window, offset));
    size_t tokens = static_cast<size_t>(attention.start_tokens) + 1;
    for (const DecodedSegment& segment : segments) tokens += segment.tokens.size();
    if (std::count(silent.begin(), silent.end(), false) < kLeastFramesPerToken * static_cast<std::ptrdiff_t>(tokens)) {
        pauses.clear();
        silent.clear();
    }
    const std::vector<int> starts = token_frames(window, attention, offset, silent);

    size_t next = 0;
    for (DecodedSegment& segment : segments) {
        std::vector<TimedToken> timed;
        for (size_t i = 0; i < segment.tokens.size(); ++i, ++next) {
            // What the decoder's context has no room for comes at the end.
            const auto time = [&](size_t i) {
                return offset + starts[std::min(i, starts.size() - 1)] * kTimestampSeconds;
            };
            timed.push_back({vocabulary_.texts[static_cast<size_t>(segment.tokens[i])], time(next), time(next + 1),
                             segment.probabilities[i]});
        }
        segment.words = split_words(timed, window.request.language, window.request.punctuation);
    }
    refine_word_times(segments, pauses, std::max(offset, window.last_speech), duration);
}

}  // namespace agora
