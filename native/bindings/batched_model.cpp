#include "bindings/batched_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bindings/arguments.h"
#include "bindings/cancel_flag.h"
#include "bindings/device_rounds.h"
#include "bindings/live_step.h"
#include "bindings/model_info.h"
#include "bindings/segments.h"
#include "bindings/submit_window.h"
#include "engine/log.h"
#include "engine/text/languages.h"
#include "engine/text/numerals.h"
#include "engine/text/segments.h"

namespace agora {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

SearchOptions search_options(const Napi::Object& js) {
    SearchOptions options;
    options.rules.timestamps = !boolean_argument(js.Get("withoutTimestamps"), "withoutTimestamps");
    options.rules.suppress_blank = boolean_argument(js.Get("suppressBlank"), "suppressBlank");
    options.rules.suppress_non_speech = boolean_argument(js.Get("suppressNonSpeech"), "suppressNonSpeech");
    options.rules.suppress_tokens = integers_argument(js.Get("suppressTokens"), "suppressTokens", 0, 1e5);
    options.rules.max_initial_timestamp = static_cast<int>(
        std::lround(number_argument(js.Get("maxInitialTimestamp"), "maxInitialTimestamp", 0, 30) / kTimestampSeconds));
    options.rules.repetition_penalty =
        static_cast<float>(number_argument(js.Get("repetitionPenalty"), "repetitionPenalty", 0.01, 100));
    options.rules.no_repeat_ngram_size = integer_argument(js.Get("noRepeatNgramSize"), "noRepeatNgramSize", 0, 448);
    options.beam_size = integer_argument(js.Get("beamSize"), "beamSize", 1, 8);
    options.best_of = integer_argument(js.Get("bestOf"), "bestOf", 1, 8);
    options.patience = static_cast<float>(positive_argument(js.Get("patience"), "patience", 100));
    options.length_penalty = static_cast<float>(number_argument(js.Get("lengthPenalty"), "lengthPenalty", -1, 10));
    options.temperatures = numbers_argument(js.Get("temperatures"), "temperatures", 0, 2);
    if (options.temperatures.empty()) bad_argument("temperatures", "at least one number");
    options.compression_ratio_threshold = static_cast<float>(
        threshold_argument(js.Get("compressionRatioThreshold"), "compressionRatioThreshold", 0, 1000, kInfinity));
    options.log_prob_threshold =
        static_cast<float>(threshold_argument(js.Get("logProbThreshold"), "logProbThreshold", -1000, 0, -kInfinity));
    options.no_speech_threshold =
        static_cast<float>(threshold_argument(js.Get("noSpeechThreshold"), "noSpeechThreshold", 0, 1, kInfinity));
    options.max_tokens = integer_argument(js.Get("maxTokens"), "maxTokens", 1, 448);
    options.seed = seed_argument(js.Get("seed"));
    return options;
}

Napi::Array tokens_to_js(Napi::Env env, const std::vector<int>& tokens) {
    Napi::Array result = Napi::Array::New(env, tokens.size());
    for (size_t i = 0; i < tokens.size(); ++i) result.Set(static_cast<uint32_t>(i), tokens[i]);
    return result;
}

// Where there is speech: [start, end, start, end, …] in seconds.
std::vector<SoundSpan> spans_argument(const Napi::Value& value, const char* name) {
    const std::vector<float> times = numbers_argument(value, name, 0, 30);
    if (times.size() % 2 != 0) bad_argument(name, "pairs of times");
    std::vector<SoundSpan> spans;
    for (size_t i = 0; i < times.size(); i += 2) spans.push_back({times[i], times[i + 1]});
    return spans;
}

Napi::Array spans_to_js(Napi::Env env, const std::vector<SoundSpan>& spans) {
    Napi::Array result = Napi::Array::New(env, spans.size());
    for (size_t i = 0; i < spans.size(); ++i) {
        Napi::Object span = Napi::Object::New(env);
        span.Set("start", spans[i].start);
        span.Set("end", spans[i].end);
        result.Set(static_cast<uint32_t>(i), span);
    }
    return result;
}

// What is to become of a window without a language: { transcribeFrom, onLanguages }. `on_languages` gets the callback.
Detection detection_argument(const Napi::Value& value, Napi::Function& on_languages) {
    const Napi::Object js = object_argument(value, "detection");
    const Napi::Value callback = js.Get("onLanguages");
    if (!callback.IsFunction()) bad_argument("onLanguages", "a function");
    on_languages = callback.As<Napi::Function>();
    Detection detection;
    detection.transcribe_from = number_argument(js.Get("transcribeFrom"), "transcribeFrom", 0, 1);
    return detection;
}

void tell_languages(WindowRequest& request, std::function<void(Deliveries::News)> tell) {
    request.detection.on_languages = [tell = std::move(tell)](const Languages& languages, float no_speech_prob) {
        const DetectedLanguages detected = {languages, no_speech_prob};
        tell([detected](Napi::Env env, Deliveries::Awaited& who) { who.listener.Call({to_js(env, detected)}); });
    };
}

// Empty: to be detected.
void check_language(const std::string& language, const BatchedWhisper& engine) {
    const std::vector<std::string> known = whisper_languages(engine.file().hparams.language_count());
    if (!language.empty() && std::find(known.begin(), known.end(), language) == known.end())
        bad_argument("language", "a language of the model");
}

BatchedOptions engine_options(const Napi::Object& js) {
    BatchedOptions options;
    options.gpu = boolean_argument(js.Get("gpu"), "gpu");
    options.threads = integer_argument(js.Get("threads"), "threads", 1, 256);
    options.batch_size = integer_argument(js.Get("batchSize"), "batchSize", 1, 256);
    const auto type = parse_compute_type(string_argument(js.Get("computeType"), "computeType"));
    if (!type) bad_argument("computeType", "the name of a compute type");
    options.compute_type = *type;
    const Napi::Value draft = js.Get("draftPath");
    if (!draft.IsNull()) options.draft_path = string_argument(draft, "draftPath");
    return options;
}

}  // namespace

void BatchedModel::define(Napi::Env env, Napi::Object exports) {
    const Napi::Function constructor = DefineClass(
        env, "BatchedModel",
        {InstanceMethod<&BatchedModel::info>("info"), InstanceMethod<&BatchedModel::tokenize>("tokenize"),
         InstanceMethod<&BatchedModel::numeral_tokens>("numeralTokens"),
         InstanceMethod<&BatchedModel::current_load>("load"), InstanceMethod<&BatchedModel::transcribe>("transcribe"),
         InstanceMethod<&BatchedModel::detect_language>("detectLanguage"),
         InstanceMethod<&BatchedModel::live_step>("liveStep"), InstanceMethod<&BatchedModel::live_words>("liveWords"),
         InstanceMethod("close", &BatchedModel::close)});
    Instance::of(env).batched_model = Napi::Persistent(constructor);
    exports.Set("loadBatchedModel", Napi::Function::New<load>(env));
}

// loadBatchedModel(path, { gpu, threads, batchSize, computeType, draftPath }): Promise<BatchedModel>
Napi::Value BatchedModel::load(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string path = string_argument(info[0], "path");
        const BatchedOptions options = engine_options(object_argument(info[1], "options"));
        return load_model(info.Env(), [=] {
            capture_logs();
            return std::make_shared<BatchedWhisper>(path, options, device_executor(options.gpu));
        });
    });
}

Napi::Value BatchedModel::info(const Napi::CallbackInfo& info) {
    const auto engine = model(info.Env());
    const WhisperFile& file = engine->file();
    Napi::Object result = agora::to_js(info.Env(), file, whisper_languages(file.hparams.language_count()));
    result.Set("computeType", engine->compute_type());
    result.Set("followsSpeech", knows_alignment_heads(file.hparams));
    return result;
}

// tokenize(pieces): number[]
Napi::Value BatchedModel::tokenize(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const auto pieces = strings_argument(info[0], "pieces");
        return tokens_to_js(info.Env(), model(info.Env())->vocabulary().encode(pieces));
    });
}

// numeralTokens(): number[]
Napi::Value BatchedModel::numeral_tokens(const Napi::CallbackInfo& info) {
    return guarded(info.Env(),
                   [&] { return tokens_to_js(info.Env(), agora::numeral_tokens(model(info.Env())->vocabulary())); });
}

// load(): { waiting, running, encoded }; a closed model has nothing to do.
Napi::Value BatchedModel::current_load(const Napi::CallbackInfo& info) {
    const BatchedLoad load = is_closed() ? BatchedLoad{} : model(info.Env())->load();
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("waiting", static_cast<double>(load.waiting));
    result.Set("running", static_cast<double>(load.running));
    result.Set("encoded", static_cast<double>(load.encoded));
    return result;
}

// transcribe(samples, options, cancel, detection): Promise<{ segments, draft, language, dropped, reliable }>;
// `detection` says what to do where the options have no language.
Napi::Value BatchedModel::transcribe(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const Napi::Object options = object_argument(info[1], "options");
        WindowRequest request;
        request.samples = samples_argument(info[0], "samples");
        if (request.samples.size() > kMaxWindowSamples) bad_argument("samples", "at most 30 s");
        request.language = string_argument(options.Get("language"), "language");
        request.translate = boolean_argument(options.Get("translate"), "translate");
        request.word_timestamps = boolean_argument(options.Get("wordTimestamps"), "wordTimestamps");
        request.prompt = integers_argument(options.Get("prompt"), "prompt", 0, 50256);
        request.prefix = integers_argument(options.Get("prefix"), "prefix", 0, 50256);
        request.punctuation.prepended = strings_argument(options.Get("prependPunctuations"), "prependPunctuations");
        request.punctuation.appended = strings_argument(options.Get("appendPunctuations"), "appendPunctuations");
        const Napi::Value silence = options.Get("hallucinationSilenceThreshold");
        if (!silence.IsNull()) {
            request.hallucination_silence_threshold = positive_argument(silence, "hallucinationSilenceThreshold", 30);
        }
        request.speech = spans_argument(options.Get("speech"), "speech");
        request.search = search_options(options);
        request.turn = turn_argument(info.Env(), options);
        request.cancelled = CancelFlag::of(info[2]);
        Napi::Function on_languages;
        if (request.language.empty()) request.detection = detection_argument(info[3], on_languages);
        const auto engine = model(info.Env());
        check_language(request.language, *engine);
        const bool words = request.word_timestamps;
        const auto to_value = [words](Napi::Env env, const WindowOutcome& outcome) {
            Napi::Object result = Napi::Object::New(env);
            result.Set("segments", to_js(env, outcome.segments, words));
            Napi::Object draft = Napi::Object::New(env);
            draft.Set("proposed", outcome.draft.proposed);
            draft.Set("accepted", outcome.draft.accepted);
            result.Set("draft", draft);
            result.Set("language", outcome.language);
            result.Set("dropped", spans_to_js(env, outcome.dropped));
            result.Set("reliable", outcome.reliable);
            return result;
        };
        return submit_window<WindowOutcome, BatchedWhisper, WindowRequest>(info.Env(), engine, std::move(request),
                                                                           to_value, on_languages, tell_languages);
    });
}

// detectLanguage(samples, turn, cancel): Promise<{ languages: { language, probability }[], noSpeechProb }>
Napi::Value BatchedModel::detect_language(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        WindowRequest request;
        request.samples = samples_argument(info[0], "samples");
        if (request.samples.size() > kMaxWindowSamples) bad_argument("samples", "at most 30 s");
        request.turn = turn_argument(info.Env(), object_argument(info[1], "turn"));
        request.cancelled = CancelFlag::of(info[2]);
        const auto to_value = [](Napi::Env env, const WindowOutcome& outcome) {
            return to_js(env, DetectedLanguages{outcome.languages, outcome.no_speech_prob});
        };
        const auto engine = model(info.Env());
        return submit_window<WindowOutcome>(info.Env(), engine, std::move(request), to_value);
    });
}

// liveStep(samples, options, cancel): Promise<{ tokens, tail, language, languageProbability, noSpeechProb, rewound }>
Napi::Value BatchedModel::live_step(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const auto engine = model(info.Env());
        WindowRequest request = live_request(info, *engine);
        check_language(request.language, *engine);
        return submit_window<WindowOutcome>(info.Env(), engine, std::move(request), live_result);
    });
}

// liveWords(tokens, end, language): { start, end, text, confidence }[]
Napi::Value BatchedModel::live_words(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return agora::live_words(info, model(info.Env())->vocabulary()); });
}

}  // namespace agora
