#include "bindings/voice_activity.h"

#include "bindings/arguments.h"

namespace agora {
void VoiceActivity::define(Napi::Env env, Napi::Object exports) {
    const Napi::Function constructor =
        DefineClass(env, "VoiceActivity",
                    {InstanceMethod<&VoiceActivity::push>("push"), InstanceMethod<&VoiceActivity::flush>("flush"),
                     InstanceMethod("close", &VoiceActivity::close)});
    Instance::of(env).vad = Napi::Persistent(constructor);
    exports.Set("loadVad", Napi::Function::New<load>(env));
}

// loadVad(path): Promise<VoiceActivity>
Napi::Value VoiceActivity::load(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string path = string_argument(info[0], "path");
        return load_model(info.Env(), [path] { return std::make_shared<VadStream>(path); });
    });
}

// push(samples): Promise<Float32Array>
Napi::Value VoiceActivity::push(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const auto stream = model(info.Env());
        auto samples = std::make_shared<std::vector<float>>(samples_argument(info[0], "samples"));
        return run_async(info.Env(), [=]() -> Finish {
            const std::lock_guard<std::mutex> lock(stream->mutex);
            const auto probabilities = stream->detector.push(samples->data(), samples->size());
            return [probabilities](Napi::Env env) { return to_js(env, probabilities); };
        });
    });
}

// flush(): Promise<Float32Array>
Napi::Value VoiceActivity::flush(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const auto stream = model(info.Env());
        return run_async(info.Env(), [=]() -> Finish {
            const std::lock_guard<std::mutex> lock(stream->mutex);
            const auto probabilities = stream->detector.flush();
            return [probabilities](Napi::Env env) { return to_js(env, probabilities); };
        });
    });
}

}  // namespace agora
