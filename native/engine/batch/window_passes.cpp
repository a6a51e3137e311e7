#include "engine/batch/window_passes.h"

#include <whisper.h>

#include <algorithm>

#include "engine/whisper/hallucination.h"
#include "engine/whisper/segments.h"

namespace agora {

WindowPasses::WindowPasses(const WhisperHyperParameters& hparams, const Vocabulary& vocabulary, const LogitRules& rules,
                           Decoder& decoder)
    : hparams_(hparams),
      vocabulary_(vocabulary),
      rules_(rules),
      decoder_(decoder),
      words_(hparams, vocabulary, decoder) {}

void WindowPasses::begin(WhisperWindow& window) const {
    window.prompt.clear();
    add_previous_text(window.request, window.prompt);
    const size_t start_tokens = add_start_tokens(window.request, window.request.search.rules.timestamps, window.prompt);
    SearchOptions search = window.request.search;
    search.duration = static_cast<double>(window.remaining()) / kSampleRate;
    window.decoding = std::make_unique<WindowDecoding>(vocabulary_, rules_, decoder_, *window.cross, window.prompt,
                                                       start_tokens, search);
}

// The text before the window, of which at most half of the decoder's context is kept.
void WindowPasses::add_previous_text(const WindowRequest& request, std::vector<int>& prompt) const {
    if (request.prompt.empty()) return;
    const size_t count = std::min(request.prompt.size(), static_cast<size_t>(hparams_.n_text_ctx / 2 - 1));
    prompt.push_back(vocabulary_.previous);
    prompt.insert(prompt.end(), request.prompt.end() - static_cast<std::ptrdiff_t>(count), request.prompt.end());
}

// The start-of-transcript tokens, whose number is returned.
size_t WindowPasses::add_start_tokens(const WindowRequest& request, bool timestamps, std::vector<int>& prompt) const {
    const size_t before = prompt.size();
    prompt.push_back(vocabulary_.start_of_transcript);
    if (hparams_.multilingual()) {
        prompt.push_back(vocabulary_.first_language + whisper_lang_id(request.language.c_str()));
        prompt.push_back(request.translate ? vocabulary_.translate : vocabulary_.transcribe);
    }
    if (!timestamps) prompt.push_back(vocabulary_.no_timestamps);
    return prompt.size() - before;
}

void WindowPasses::settle(WhisperWindow& window) const {
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

void WindowPasses::add_words(WhisperWindow& window, double offset, std::vector<DecodedSegment>& segments) const {
    std::vector<int> start_tokens;
    add_start_tokens(window.request, false, start_tokens);
    words_.add(window, start_tokens, offset, segments);
}

}  // namespace agora
