#include "bindings/batched_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bindings/arguments.h"
#include "bindings/async.h"
#include "bindings/cancel_flag.h"
#include "bindings/instance.h"
#include "bindings/model_info.h"
#include "bindings/segments.h"
#include "engine/log.h"
#include "engine/whisper/languages.h"
#include "engine/whisper/segments.h"

namespace agora {
namespace {

using Holder = std::shared_ptr<BatchedWhisper>;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// null switches a threshold off: `off` is the value that never decides.
float threshold(const Napi::Object& options, const char* name, float off) {
    const Napi::Value value = options.Get(name);
    return value.IsNull() ? off : static_cast<float>(number_argument(value, name, -1000, 1000));
}

template <typename Item, typename Read>
std::vector<Item> list_argument(const Napi::Value& value, const std::string& name, Read read) {
    if (!value.IsArray()) bad_argument(name, "an array");
    const auto array = value.As<Napi::Array>();
    std::vector<Item> items;
    for (uint32_t i = 0; i < array.Length(); ++i) items.push_back(static_cast<Item>(read(array.Get(i))));
    return items;
}

SearchOptions search_options(const Napi::Object& js) {
    SearchOptions options;
    options.rules.timestamps = !boolean_argument(js.Get("withoutTimestamps"), "withoutTimestamps");
    options.rules.suppress_blank = boolean_argument(js.Get("suppressBlank"), "suppressBlank");
    options.rules.suppress_non_speech = boolean_argument(js.Get("suppressNonSpeech"), "suppressNonSpeech");
    options.rules.suppress_tokens =
        list_argument<int>(js.Get("suppressTokens"), "suppressTokens",
                           [](const Napi::Value& token) { return integer_argument(token, "suppressTokens", 0, 1e6); });
    options.rules.max_initial_timestamp = static_cast<int>(
        std::lround(number_argument(js.Get("maxInitialTimestamp"), "maxInitialTimestamp", 0, 30) / kTimestampSeconds));
    options.rules.repetition_penalty =
        static_cast<float>(number_argument(js.Get("repetitionPenalty"), "repetitionPenalty", 1e-3, 1e3));
    options.rules.no_repeat_ngram_size = integer_argument(js.Get("noRepeatNgramSize"), "noRepeatNgramSize", 0, 1e6);
    options.beam_size = integer_argument(js.Get("beamSize"), "beamSize", 1, 16);
    options.best_of = integer_argument(js.Get("bestOf"), "bestOf", 1, 16);
    options.patience = static_cast<float>(number_argument(js.Get("patience"), "patience", 0, 100));
    options.length_penalty = static_cast<float>(number_argument(js.Get("lengthPenalty"), "lengthPenalty", -1, 10));
    options.temperatures = list_argument<float>(
        js.Get("temperatures"), "temperatures",
        [](const Napi::Value& temperature) { return number_argument(temperature, "temperatures", 0, 2); });
    if (options.temperatures.empty()) bad_argument("temperatures", "at least one number");
    options.compression_ratio_threshold = threshold(js, "compressionRatioThreshold", kInfinity);
    options.log_prob_threshold = threshold(js, "logProbThreshold", -kInfinity);
    options.no_speech_threshold = threshold(js, "noSpeechThreshold", kInfinity);
    options.max_tokens = integer_argument(js.Get("maxTokens"), "maxTokens", 1, 1e6);
    options.seed = static_cast<uint32_t>(number_argument(js.Get("seed"), "seed", 0, 4294967295.0));
    return options;
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

std::vector<std::string> strings_argument(const Napi::Value& value, const std::string& name) {
    return list_argument<std::string>(value, name,
                                      [&](const Napi::Value& item) { return string_argument(item, name); });
}

}  // namespace

void BatchedModel::define(Napi::Env env, Napi::Object exports) {
    const Napi::Function constructor = DefineClass(
        env, "BatchedModel",
        {InstanceMethod<&BatchedModel::info>("info"), InstanceMethod<&BatchedModel::tokenize>("tokenize"),
         InstanceMethod<&BatchedModel::current_load>("load"), InstanceMethod<&BatchedModel::transcribe>("transcribe"),
         InstanceMethod<&BatchedModel::detect_language>("detectLanguage"),
         InstanceMethod<&BatchedModel::close>("close")});
    Instance::of(env).batched_model = Napi::Persistent(constructor);
    exports.Set("loadBatchedModel", Napi::Function::New<load>(env));
}

BatchedModel::BatchedModel(const Napi::CallbackInfo& info) : Napi::ObjectWrap<BatchedModel>(info) {
    if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "A BatchedModel is made by loadBatchedModel()");
    engine_ = *info[0].As<Napi::External<Holder>>().Data();
}

// loadBatchedModel(path, { gpu, threads, batchSize, computeType, draftPath }): Promise<BatchedModel>
Napi::Value BatchedModel::load(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string path = string_argument(info[0], "path");
        const BatchedOptions options = engine_options(object_argument(info[1], "options"));
        return run_async(info.Env(), [=]() -> Finish {
            capture_logs();
            auto engine = std::make_shared<BatchedWhisper>(path, options);
            return [engine](Napi::Env env) {
                Holder holder = engine;
                return Instance::of(env).batched_model.New({Napi::External<Holder>::New(env, &holder)});
            };
        });
    });
}

std::shared_ptr<BatchedWhisper> BatchedModel::engine(Napi::Env env) const {
    if (!engine_) throw to_js_error(env, Error(ErrorCode::InvalidArgument, "The model is closed"));
    return engine_;
}

Napi::Value BatchedModel::info(const Napi::CallbackInfo& info) {
    const auto engine = this->engine(info.Env());
    const WhisperFile& file = engine->file();
    Napi::Object result = agora::to_js(info.Env(), file, whisper_languages(file.hparams.language_count()));
    result.Set("computeType", engine->compute_type());
    return result;
}

// tokenize(pieces): number[]
Napi::Value BatchedModel::tokenize(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const auto pieces = strings_argument(info[0], "pieces");
        const std::vector<int> tokens = engine(info.Env())->vocabulary().encode(pieces);
        Napi::Array result = Napi::Array::New(info.Env(), tokens.size());
        for (size_t i = 0; i < tokens.size(); ++i) result.Set(static_cast<uint32_t>(i), tokens[i]);
        return result;
    });
}

// load(): { waiting, running, encoded }; a closed model has nothing to do.
Napi::Value BatchedModel::current_load(const Napi::CallbackInfo& info) {
    const BatchedLoad load = engine_ ? engine_->load() : BatchedLoad{};
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("waiting", static_cast<double>(load.waiting));
    result.Set("running", static_cast<double>(load.running));
    result.Set("encoded", static_cast<double>(load.encoded));
    return result;
}

// Queues the window, and a worker to run the model if none does. `on_languages`, unless empty, is called with what is
// detected.
Napi::Promise BatchedModel::submit(Napi::Env env, WindowRequest request,
                                   const std::function<Napi::Value(Napi::Env, const WindowOutcome&)>& to_value,
                                   Napi::Function on_languages) {
    auto engine = this->engine(env);
    const auto deferred = std::make_shared<Napi::Promise::Deferred>(Napi::Promise::Deferred::New(env));
    const Napi::Promise promise = deferred->Promise();
    const bool tells = !on_languages.IsEmpty();
    if (!tells) on_languages = Napi::Function::New(env, [](const Napi::CallbackInfo&) {});
    auto deliver = Napi::ThreadSafeFunction::New(env, on_languages, "transcribed window", 0, 1);
    if (tells) {
        request.detection.on_languages = [deliver](const Languages& languages) {
            deliver.NonBlockingCall(
                [languages](Napi::Env e, Napi::Function tell) { tell.Call({to_js(e, languages)}); });
        };
    }
    const bool start =
        engine->submit(std::move(request), [deliver, deferred, to_value](const WindowOutcome& outcome) mutable {
            // The call fails when the environment is going down: then nobody waits any more.
            deliver.NonBlockingCall([deferred, to_value, outcome](Napi::Env e, Napi::Function) {
                try {
                    if (outcome.error) std::rethrow_exception(outcome.error);
                    deferred->Resolve(to_value(e, outcome));
                } catch (const Napi::Error& error) {
                    deferred->Reject(error.Value());
                } catch (const std::exception& error) {
                    deferred->Reject(to_js_error(e, error).Value());
                }
            });
            deliver.Release();
        });
    if (start) {
        run_async(env, [engine]() -> Finish {
            engine->run();
            return [](Napi::Env e) { return e.Undefined(); };
        });
    }
    return promise;
}

// transcribe(samples, options, cancel, detection): Promise<{ segments, draft, language }>; `detection` says what to do
// where the options have no language.
Napi::Value BatchedModel::transcribe(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const Napi::Object options = object_argument(info[1], "options");
        WindowRequest request;
        request.samples = samples_argument(info[0], "samples");
        if (request.samples.size() > kMaxWindowSamples) bad_argument("samples", "at most 30 s");
        request.language = string_argument(options.Get("language"), "language");
        request.translate = boolean_argument(options.Get("translate"), "translate");
        request.word_timestamps = boolean_argument(options.Get("wordTimestamps"), "wordTimestamps");
        request.prompt = list_argument<int>(options.Get("prompt"), "prompt", [](const Napi::Value& token) {
            return integer_argument(token, "prompt", 0, 50256);
        });
        request.punctuation.prepended = strings_argument(options.Get("prependPunctuations"), "prependPunctuations");
        request.punctuation.appended = strings_argument(options.Get("appendPunctuations"), "appendPunctuations");
        const Napi::Value silence = options.Get("hallucinationSilenceThreshold");
        if (!silence.IsNull()) {
            request.hallucination_silence_threshold = number_argument(silence, "hallucinationSilenceThreshold", 0, 30);
        }
        request.search = search_options(options);
        request.cancelled = CancelFlag::of(info[2]);
        Napi::Function on_languages;
        if (request.language.empty()) request.detection = detection_argument(info[3], on_languages);
        const std::vector<std::string> known = whisper_languages(engine(info.Env())->file().hparams.language_count());
        if (!request.language.empty() && std::find(known.begin(), known.end(), request.language) == known.end())
            bad_argument("language", "a language of the model");
        const bool words = request.word_timestamps;
        const auto to_value = [words](Napi::Env env, const WindowOutcome& outcome) {
            Napi::Object result = Napi::Object::New(env);
            result.Set("segments", to_js(env, outcome.segments, words));
            Napi::Object draft = Napi::Object::New(env);
            draft.Set("proposed", outcome.draft.proposed);
            draft.Set("accepted", outcome.draft.accepted);
            result.Set("draft", draft);
            result.Set("language", outcome.language);
            return result;
        };
        return submit(info.Env(), std::move(request), to_value, on_languages);
    });
}

// detectLanguage(samples, cancel): Promise<{ language, probability }[]>
Napi::Value BatchedModel::detect_language(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        WindowRequest request;
        request.samples = samples_argument(info[0], "samples");
        if (request.samples.size() > kMaxWindowSamples) bad_argument("samples", "at most 30 s");
        request.cancelled = CancelFlag::of(info[1]);
        return submit(info.Env(), std::move(request),
                      [](Napi::Env env, const WindowOutcome& outcome) { return to_js(env, outcome.languages); });
    });
}

// close(): Promise<void>; memory is freed on a worker thread once running windows are done.
Napi::Value BatchedModel::close(const Napi::CallbackInfo& info) {
    auto holder = std::make_shared<Holder>(std::move(engine_));
    engine_ = nullptr;
    return run_async(info.Env(), [holder]() -> Finish {
        holder->reset();
        return [](Napi::Env env) { return env.Undefined(); };
    });
}

}  // namespace agora
