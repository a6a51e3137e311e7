#include "bindings/model_files.h"

#include "bindings/arguments.h"
#include "bindings/async.h"
#include "bindings/cancel_flag.h"
#include "bindings/model_info.h"
#include "engine/model/quantize.h"
#include "engine/model/vad_file.h"
#include "engine/text/languages.h"

namespace agora {
namespace {

Napi::Value inspect_model(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string path = string_argument(info[0], "path");
        return run_async(info.Env(), [path]() -> Finish {
            const WhisperFile file = read_whisper_file(path);
            return [file](Napi::Env env) { return to_js(env, file, whisper_languages(file.hparams.language_count())); };
        });
    });
}

// inspectBorealisModel(languagePath, audioPath)
Napi::Value inspect_borealis_model(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string language_path = string_argument(info[0], "languagePath");
        const std::string audio_path = string_argument(info[1], "audioPath");
        return run_async(info.Env(), [=]() -> Finish {
            const LanguageFile language = read_language_file(language_path);
            const AudioFile audio = read_audio_file(audio_path);
            check_match(audio, audio_path, language, language_path);
            return [=](Napi::Env env) { return to_js(env, language, audio); };
        });
    });
}

Napi::Value inspect_vad_model(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string path = string_argument(info[0], "path");
        return run_async(info.Env(), [path]() -> Finish {
            const VadFile file = read_vad_file(path);
            return [file](Napi::Env env) {
                Napi::Object result = Napi::Object::New(env);
                result.Set("version", file.version);
                result.Set("frameSamples", file.frame_samples);
                return result;
            };
        });
    });
}

// quantizeModel(source, destination, type, cancel, onProgress)
Napi::Value quantize_model(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string source = string_argument(info[0], "source");
        const std::string destination = string_argument(info[1], "destination");
        const std::string type = string_argument(info[2], "type");
        const CancelFlag::Shared cancelled = CancelFlag::of(info[3]);
        if (!info[4].IsFunction()) bad_argument("onProgress", "a function");
        auto progress = std::make_shared<Napi::ThreadSafeFunction>(
            Napi::ThreadSafeFunction::New(info.Env(), info[4].As<Napi::Function>(), "quantize progress", 0, 1));
        return run_async(info.Env(), [=]() -> Finish {
            const std::shared_ptr<void> release(nullptr, [progress](void*) { progress->Release(); });
            quantize_whisper_file(source, destination, type, *cancelled, [&](double fraction) {
                progress->NonBlockingCall([fraction](Napi::Env env, Napi::Function callback) {
                    callback.Call({Napi::Number::New(env, fraction)});
                });
            });
            return [](Napi::Env env) { return env.Undefined(); };
        });
    });
}

// quantizeValues(type, values): Promise<Uint8Array>
Napi::Value quantize_blocks(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string type = string_argument(info[0], "type");
        const std::vector<float> values = samples_argument(info[1], "values");
        return run_async(info.Env(), [=]() -> Finish {
            const std::vector<uint8_t> packed = quantize_values(type, values);
            return [packed](Napi::Env env) {
                Napi::Uint8Array array = Napi::Uint8Array::New(env, packed.size());
                std::copy(packed.begin(), packed.end(), array.Data());
                return array;
            };
        });
    });
}

}  // namespace

Napi::Object to_js(Napi::Env env, const WhisperFile& file, const std::vector<std::string>& languages) {
    Napi::Object result = Napi::Object::New(env);
    Napi::Array codes = Napi::Array::New(env, languages.size());
    for (size_t i = 0; i < languages.size(); ++i) codes.Set(static_cast<uint32_t>(i), languages[i]);
    result.Set("type", file.type());
    result.Set("multilingual", file.hparams.multilingual());
    result.Set("weightType", file.weight_type);
    result.Set("vocabularySize", file.hparams.n_vocab);
    result.Set("melBands", file.hparams.n_mels);
    result.Set("width", file.hparams.n_audio_state);
    result.Set("encoderLayers", file.hparams.n_audio_layer);
    result.Set("decoderLayers", file.hparams.n_text_layer);
    result.Set("textContext", file.hparams.n_text_ctx);
    result.Set("fileBytes", static_cast<double>(file.bytes));
    result.Set("languages", codes);
    return result;
}

Napi::Object to_js(Napi::Env env, const LanguageFile& language, const AudioFile& audio) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("architecture", language.architecture);
    result.Set("weightType", language.weight_type);
    result.Set("vocabularySize", static_cast<double>(language.vocabulary));
    result.Set("melBands", audio.mels);
    result.Set("encoderLayers", audio.layers);
    result.Set("decoderLayers", static_cast<double>(language.layers));
    result.Set("fileBytes", static_cast<double>(language.bytes + audio.bytes));
    return result;
}

void define_model_files(Napi::Env env, Napi::Object exports) {
    exports.Set("inspectModel", Napi::Function::New<inspect_model>(env));
    exports.Set("inspectBorealisModel", Napi::Function::New<inspect_borealis_model>(env));
    exports.Set("inspectVadModel", Napi::Function::New<inspect_vad_model>(env));
    exports.Set("quantizeValues", Napi::Function::New<quantize_blocks>(env));
    exports.Set("quantizeModel", Napi::Function::New<quantize_model>(env));
    Napi::Array types = Napi::Array::New(env);
    for (const std::string& type : quantize_types()) types.Set(types.Length(), type);
    exports.Set("quantizeTypes", types);
}

}  // namespace agora
