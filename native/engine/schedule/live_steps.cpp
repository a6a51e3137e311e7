#include "engine/schedule/live_steps.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/kernels/window_frames.h"
#include "engine/text/words.h"

namespace agora {
namespace {

constexpr int kFrameSamples = kSampleRate / 50;

int frames_of(double seconds) {
    return static_cast<int>(std::lround(seconds * kSampleRate / kFrameSamples));
}

// What each of the tokens adds to a text that ends with `before`.
std::vector<LivePiece> pieces_of(const std::vector<LiveToken>& tokens, size_t count, const Vocabulary& vocabulary,
                                 std::string before) {
    constexpr double kFrameSeconds = static_cast<double>(kFrameSamples) / kSampleRate;
    std::vector<LivePiece> pieces;
    for (size_t i = 0; i < count; ++i) {
        const LiveToken& token = tokens[i];
        std::string text = before + vocabulary.texts[static_cast<size_t>(token.id)];
        before.clear();
        if (ends_within_character(text)) text.swap(before);
        pieces.push_back({token.id, valid_utf8(text), token.frame * kFrameSeconds, token.probability});
    }
    return pieces;
}

}  // namespace

LiveSteps::LiveSteps(const WhisperHyperParameters& hparams, const Vocabulary& vocabulary, const LogitRules& rules,
                     Decoder& decoder)
    : vocabulary_(vocabulary),
      rules_(rules),
      decoder_(decoder),
      prompt_(hparams, vocabulary),
      heads_(alignment_heads(hparams)) {}

SearchOptions LiveSteps::search() {
    SearchOptions search;
    search.rules.timestamps = false;
    search.rules.suppress_non_speech = true;
    search.temperatures = {0};
    search.compression_ratio_threshold = std::numeric_limits<float>::infinity();
    search.log_prob_threshold = -std::numeric_limits<float>::infinity();
    search.no_speech_threshold = std::numeric_limits<float>::infinity();
    return search;
}

void LiveSteps::begin(WhisperWindow& window) const {
    const LiveRequest& live = *window.request.live;
    const std::vector<int> start = prompt_.start(window.request.language, window.request.translate, false);
    const size_t left = most_forced(decoder_.context()) - std::min(live.forced.size(), most_forced(decoder_.context()));
    std::vector<int> prompt = prompt_.previous(window.request.prompt, std::min(prompt_.room(), left));
    prompt.insert(prompt.end(), start.begin(), start.end());

    LiveTextOptions options;
    const auto samples = static_cast<int>(window.request.samples.size());
    options.frames = std::clamp(samples / kFrameSamples, 1, WindowFrames::kAll);
    options.frontier = frames_of(live.frontier);
    options.may_rewind = live.last;
    options.tail = live.tail;
    window.live = std::make_unique<LiveText>(vocabulary_, heads_, live.forced, options);

    SearchOptions search = window.request.search;
    search.prefix = live.forced;
    search.expected = live.expected;
    search.max_tokens = live.max_tokens;
    // There is more to come, unless this is the end.
    search.rules.given = live.last ? 0 : live.forced.size();
    search.follower = window.live.get();
    window.decoding = std::make_unique<WindowDecoding>(vocabulary_, rules_, decoder_, *window.cross, std::move(prompt),
                                                       start.size(), search);
}

void LiveSteps::settle(WhisperWindow& window) const {
    const LiveText& text = *window.live;
    LiveOutcome& outcome = window.outcome.live;
    outcome.standing = text.standing();
    outcome.rewound = text.rewound();
    outcome.pieces = pieces_of(text.tokens(), text.whole(), vocabulary_, text.begun_character());
    window.outcome.no_speech_prob = window.decoding->no_speech_prob();
    window.outcome.draft = window.decoding->text().draft;
    window.position = window.request.samples.size();
    window.decoding = nullptr;
}

}  // namespace agora
