#include "bindings/whisper_model.h"

#include <limits>

#include "bindings/arguments.h"
#include "bindings/async.h"
#include "bindings/cancel_flag.h"
#include "bindings/model_info.h"
#include "bindings/segments.h"
#include "engine/text/languages.h"

namespace agora {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

DecodeOptions decode_options(const Napi::Object& js) {
    DecodeOptions options;
    options.language = string_argument(js.Get("language"), "language");
    options.translate = boolean_argument(js.Get("translate"), "translate");
    options.beam_size = integer_argument(js.Get("beamSize"), "beamSize", 1, 8);
    options.best_of = integer_argument(js.Get("bestOf"), "bestOf", 1, 8);
    options.length_penalty = static_cast<float>(number_argument(js.Get("lengthPenalty"), "lengthPenalty", -1, 10));
    options.temperature = static_cast<float>(number_argument(js.Get("temperature"), "temperature", 0, 2));
    options.temperature_step = static_cast<float>(number_argument(js.Get("temperatureStep"), "temperatureStep", 0, 2));
    options.entropy_threshold =
        static_cast<float>(threshold_argument(js.Get("entropyThreshold"), "entropyThreshold", -1000, 1000, -kInfinity));
    options.log_prob_threshold =
        static_cast<float>(threshold_argument(js.Get("logProbThreshold"), "logProbThreshold", -1000, 0, -kInfinity));
    options.no_speech_threshold =
        static_cast<float>(threshold_argument(js.Get("noSpeechThreshold"), "noSpeechThreshold", 0, 1, kInfinity));
    options.prompt = string_argument(js.Get("prompt"), "prompt");
    options.suppress_blank = boolean_argument(js.Get("suppressBlank"), "suppressBlank");
    options.suppress_non_speech = boolean_argument(js.Get("suppressNonSpeech"), "suppressNonSpeech");
    options.suppress_tokens = integers_argument(js.Get("suppressTokens"), "suppressTokens", 0, 1e5);
    options.without_timestamps = boolean_argument(js.Get("withoutTimestamps"), "withoutTimestamps");
    options.word_timestamps = boolean_argument(js.Get("wordTimestamps"), "wordTimestamps");
    options.max_tokens = integer_argument(js.Get("maxTokens"), "maxTokens", 0, 448);
    options.seed = seed_argument(js.Get("seed"));
    return options;
}

}  // namespace

void WhisperModel::define(Napi::Env env, Napi::Object exports) {
    const Napi::Function constructor = DefineClass(
        env, "WhisperModel",
        {InstanceMethod<&WhisperModel::info>("info"), InstanceMethod<&WhisperModel::count_tokens>("countTokens"),
         InstanceMethod<&WhisperModel::transcribe>("transcribe"),
         InstanceMethod<&WhisperModel::detect_language>("detectLanguage"),
         InstanceMethod("close", &WhisperModel::close)});
    Instance::of(env).whisper_model = Napi::Persistent(constructor);
    exports.Set("loadWhisperModel", Napi::Function::New<load>(env));
}

// loadWhisperModel(path, { gpu, threads }): Promise<WhisperModel>
Napi::Value WhisperModel::load(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string path = string_argument(info[0], "path");
        const Napi::Object options = object_argument(info[1], "options");
        const bool gpu = boolean_argument(options.Get("gpu"), "gpu");
        const int threads = integer_argument(options.Get("threads"), "threads", 1, 256);
        return load_model(info.Env(), [=] { return std::make_shared<SequentialWhisper>(path, gpu, threads); });
    });
}

Napi::Value WhisperModel::info(const Napi::CallbackInfo& info) {
    const WhisperFile& file = model(info.Env())->file();
    return agora::to_js(info.Env(), file, whisper_languages(file.hparams.language_count()));
}

// countTokens(text): number
Napi::Value WhisperModel::count_tokens(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        return Napi::Number::New(info.Env(), model(info.Env())->count_tokens(string_argument(info[0], "text")));
    });
}

// transcribe(samples, options, cancel): Promise<segments>
Napi::Value WhisperModel::transcribe(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const auto engine = model(info.Env());
        auto samples = std::make_shared<std::vector<float>>(samples_argument(info[0], "samples"));
        const DecodeOptions options = decode_options(object_argument(info[1], "options"));
        const CancelFlag::Shared cancelled = CancelFlag::of(info[2]);
        return run_async(info.Env(), [=]() -> Finish {
            auto segments = engine->transcribe(samples->data(), samples->size(), options, *cancelled);
            const bool words = options.word_timestamps;
            return [segments, words](Napi::Env env) { return to_js(env, segments, words); };
        });
    });
}

// detectLanguage(samples, cancel): Promise<{ languages: { language, probability }[], noSpeechProb }>
Napi::Value WhisperModel::detect_language(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const auto engine = model(info.Env());
        auto samples = std::make_shared<std::vector<float>>(samples_argument(info[0], "samples"));
        const CancelFlag::Shared cancelled = CancelFlag::of(info[1]);
        return run_async(info.Env(), [=]() -> Finish {
            const auto detected = engine->detect_language(samples->data(), samples->size(), *cancelled);
            return [detected](Napi::Env env) { return to_js(env, detected); };
        });
    });
}

}  // namespace agora
