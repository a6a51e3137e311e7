#include "bindings/live_step.h"

#include <algorithm>

#include "bindings/arguments.h"
#include "bindings/cancel_flag.h"
#include "bindings/segments.h"
#include "bindings/submit_window.h"
#include "engine/text/words.h"

namespace agora {
namespace {

std::vector<int> text_tokens(const Napi::Value& value, const char* name, const Vocabulary& vocabulary) {
    return integers_argument(value, name, 0, vocabulary.end_of_text - 1);
}

Napi::Array to_js(Napi::Env env, const std::vector<LivePiece>& pieces, size_t first, size_t last) {
    Napi::Array result = Napi::Array::New(env, last - first);
    for (size_t i = first; i < last; ++i) {
        Napi::Object piece = Napi::Object::New(env);
        piece.Set("id", pieces[i].id);
        piece.Set("text", pieces[i].text);
        piece.Set("start", pieces[i].start);
        piece.Set("probability", pieces[i].probability);
        result.Set(static_cast<uint32_t>(i - first), piece);
    }
    return result;
}

}  // namespace

WindowRequest live_request(const Napi::CallbackInfo& info, const BatchedWhisper& engine) {
    constexpr double kMostFrontier = 5;
    const Napi::Object options = object_argument(info[1], "options");
    const Vocabulary& vocabulary = engine.vocabulary();
    const int context = engine.file().hparams.n_text_ctx;
    WindowRequest request;
    request.samples = samples_argument(info[0], "samples");
    if (request.samples.empty() || request.samples.size() > kMaxWindowSamples)
        bad_argument("samples", "one sample or more, and at most 30 s");
    request.language = string_argument(options.Get("language"), "language");
    request.detection.transcribe_from = 0;
    request.translate = boolean_argument(options.Get("translate"), "translate");
    request.prompt = text_tokens(options.Get("prompt"), "prompt", vocabulary);
    request.turn = turn_argument(info.Env(), options);
    request.cancelled = CancelFlag::of(info[2]);

    LiveRequest& live = request.live.emplace();
    live.forced = text_tokens(options.Get("forced"), "forced", vocabulary);
    if (live.forced.size() > LiveSteps::most_forced(context))
        bad_argument("forced", "at most " + std::to_string(LiveSteps::most_forced(context)) + " tokens");
    live.expected = text_tokens(options.Get("expected"), "expected", vocabulary);
    live.frontier = number_argument(options.Get("frontier"), "frontier", 0, kMostFrontier);
    live.last = boolean_argument(options.Get("final"), "final");
    live.tail = boolean_argument(options.Get("tail"), "tail");
    live.max_tokens = integer_argument(options.Get("maxTokens"), "maxTokens", 1, context);
    return request;
}

Napi::Object live_result(Napi::Env env, const WindowOutcome& outcome) {
    const LiveOutcome& live = outcome.live;
    Napi::Object result = Napi::Object::New(env);
    result.Set("tokens", to_js(env, live.pieces, 0, live.standing));
    result.Set("tail", to_js(env, live.pieces, live.standing, live.pieces.size()));
    result.Set("language", outcome.language);
    result.Set("languageProbability", outcome.languages.empty() ? 1 : outcome.languages.front().probability);
    result.Set("noSpeechProb", outcome.no_speech_prob);
    result.Set("rewound", live.rewound);
    return result;
}

Napi::Array live_words(const Napi::CallbackInfo& info, const Vocabulary& vocabulary) {
    constexpr double kLongest = 1e9;
    const double end = number_argument(info[1], "end", 0, kLongest);
    const std::string language = string_argument(info[2], "language");
    std::vector<TimedToken> tokens;
    double time = 0;
    const auto add = [&](const Napi::Value& value) {
        const Napi::Object token = object_argument(value, "token");
        const int id = integer_argument(token.Get("id"), "id", 0, vocabulary.end_of_text - 1);
        // What the decoder looks at goes back now and then.
        time = std::max(time, number_argument(token.Get("start"), "start", 0, kLongest));
        const auto probability = static_cast<float>(number_argument(token.Get("probability"), "probability", 0, 1));
        if (!tokens.empty()) tokens.back().end = time;
        tokens.push_back({vocabulary.texts[static_cast<size_t>(id)], time, std::max(time, end), probability});
        return 0;
    };
    list_argument<int>(info[0], "tokens", add);
    return to_js(info.Env(), split_words(tokens, language));
}

}  // namespace agora
