#include "bindings/borealis_model.h"

#include <cmath>
#include <limits>

#include "bindings/arguments.h"
#include "bindings/cancel_flag.h"
#include "bindings/device_rounds.h"
#include "bindings/model_info.h"
#include "bindings/segments.h"
#include "bindings/submit_window.h"
#include "engine/audio/window.h"
#include "engine/log.h"

namespace agora {
namespace {

GenerationOptions generation_options(const Napi::Object& js) {
    GenerationOptions options;
    options.temperatures = numbers_argument(js.Get("temperatures"), "temperatures", 0, 2);
    if (options.temperatures.empty()) bad_argument("temperatures", "at least one number");
    options.sampling.top_k = integer_argument(js.Get("topK"), "topK", 0, 1e6);
    options.sampling.top_p = static_cast<float>(number_argument(js.Get("topP"), "topP", 0.01, 1));
    options.sampling.repetition_penalty =
        static_cast<float>(number_argument(js.Get("repetitionPenalty"), "repetitionPenalty", 0.01, 100));
    options.sampling.seed = seed_argument(js.Get("seed"));
    options.max_tokens = integer_argument(js.Get("maxTokens"), "maxTokens", 1, 448);
    options.compression_ratio_threshold =
        threshold_argument(js.Get("compressionRatioThreshold"), "compressionRatioThreshold", 0, 1000,
                           std::numeric_limits<double>::infinity());
    return options;
}

BorealisPlace place_argument(const Napi::Value& value) {
    const std::string name = string_argument(value, "place");
    if (name == "cpu") return BorealisPlace::Cpu;
    if (name == "portable") return BorealisPlace::Portable;
    if (name == "gpu") return BorealisPlace::Gpu;
    bad_argument("place", "\"cpu\", \"portable\" or \"gpu\"");
}

// All of a window as one segment; none where nothing was said.
std::vector<DecodedSegment> segments_of(const GeneratedText& text, double seconds) {
    if (text.text.empty()) return {};
    DecodedSegment segment{};
    segment.end = seconds;
    segment.text = text.text;
    segment.tokens = text.tokens;
    segment.temperature = text.temperature;
    double log_prob = 0;
    double probability = 0;
    for (const float value : text.log_probs) {
        log_prob += value;
        probability += std::exp(value);
    }
    const auto count = static_cast<double>(text.log_probs.size());
    segment.avg_log_prob = static_cast<float>(log_prob / count);
    segment.confidence = static_cast<float>(probability / count);
    return {segment};
}

}  // namespace

void BorealisModel::define(Napi::Env env, Napi::Object exports) {
    const Napi::Function constructor = DefineClass(
        env, "BorealisModel",
        {InstanceMethod<&BorealisModel::info>("info"), InstanceMethod<&BorealisModel::timings>("timings"),
         InstanceMethod<&BorealisModel::transcribe>("transcribe"), InstanceMethod("close", &BorealisModel::close)});
    Instance::of(env).borealis_model = Napi::Persistent(constructor);
    exports.Set("loadBorealisModel", Napi::Function::New<load>(env));
}

// loadBorealisModel(languagePath, audioPath, { threads, batchSize, place, sharePrompts }): Promise<BorealisModel>
Napi::Value BorealisModel::load(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string language = string_argument(info[0], "languagePath");
        const std::string audio = string_argument(info[1], "audioPath");
        const Napi::Object js = object_argument(info[2], "options");
        BorealisOptions options;
        options.threads = integer_argument(js.Get("threads"), "threads", 1, 256);
        options.batch_size = integer_argument(js.Get("batchSize"), "batchSize", 1, 255);
        options.place = place_argument(js.Get("place"));
        options.share_prompts = boolean_argument(js.Get("sharePrompts"), "sharePrompts");
        return load_model(info.Env(), [=] {
            capture_logs();
            return std::make_shared<BatchedBorealis>(language, audio, options,
                                                     device_executor(options.place == BorealisPlace::Gpu));
        });
    });
}

Napi::Value BorealisModel::info(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    const auto engine = model(env);
    Napi::Object result = to_js(env, engine->language_file(), engine->audio_file());
    result.Set("textContext", engine->text_capacity());
    return result;
}

Napi::Value BorealisModel::timings(const Napi::CallbackInfo& info) {
    const BorealisTimings timings = model(info.Env())->timings();
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("windows", static_cast<double>(timings.windows));
    result.Set("encodeSeconds", timings.encode_seconds);
    result.Set("promptRows", static_cast<double>(timings.prompt_rows));
    result.Set("sharedRows", static_cast<double>(timings.shared_rows));
    result.Set("promptSeconds", timings.prompt_seconds);
    result.Set("tokens", static_cast<double>(timings.tokens));
    result.Set("steps", static_cast<double>(timings.steps));
    result.Set("tokenSeconds", timings.token_seconds);
    return result;
}

// transcribe(samples, options, cancel): Promise<segments>
Napi::Value BorealisModel::transcribe(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const Napi::Object options = object_argument(info[1], "options");
        BorealisRequest request;
        request.samples = samples_argument(info[0], "samples");
        if (request.samples.size() > kMaxWindowSamples) bad_argument("samples", "at most 30 s");
        request.system_prompt = string_argument(options.Get("systemPrompt"), "systemPrompt");
        request.user_prompt = string_argument(options.Get("userPrompt"), "userPrompt");
        request.generation = generation_options(options);
        request.turn = turn_argument(info.Env(), options);
        request.cancelled = CancelFlag::of(info[2]);
        const double seconds = static_cast<double>(request.samples.size()) / kSampleRate;
        const auto to_value = [seconds](Napi::Env env, const BorealisOutcome& outcome) {
            return to_js(env, segments_of(outcome.text, seconds), false);
        };
        const auto engine = model(info.Env());
        return submit_window<BorealisOutcome>(info.Env(), engine, std::move(request), to_value);
    });
}

}  // namespace agora
