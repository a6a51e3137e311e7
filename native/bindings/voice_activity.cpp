#include "bindings/voice_activity.h"

#include "bindings/arguments.h"
#include "bindings/async.h"
#include "bindings/instance.h"

namespace agora {
namespace {

using Holder = std::shared_ptr<VoiceActivity::Stream>;

}  // namespace

void VoiceActivity::define(Napi::Env env, Napi::Object exports) {
    const Napi::Function constructor =
        DefineClass(env, "VoiceActivity",
                    {InstanceMethod<&VoiceActivity::push>("push"), InstanceMethod<&VoiceActivity::flush>("flush"),
                     InstanceMethod<&VoiceActivity::close>("close")});
    Instance::of(env).vad = Napi::Persistent(constructor);
    exports.Set("loadVad", Napi::Function::New<load>(env));
}

VoiceActivity::VoiceActivity(const Napi::CallbackInfo& info) : Napi::ObjectWrap<VoiceActivity>(info) {
    if (!info[0].IsExternal()) throw Napi::TypeError::New(info.Env(), "A VoiceActivity is made by loadVad()");
    stream_ = *info[0].As<Napi::External<Holder>>().Data();
}

// loadVad(path): Promise<VoiceActivity>
Napi::Value VoiceActivity::load(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::string path = string_argument(info[0], "path");
        return run_async(info.Env(), [path]() -> Finish {
            auto stream = std::make_shared<Stream>(path);
            return [stream](Napi::Env env) {
                Holder holder = stream;
                return Instance::of(env).vad.New({Napi::External<Holder>::New(env, &holder)});
            };
        });
    });
}

std::shared_ptr<VoiceActivity::Stream> VoiceActivity::stream(Napi::Env env) const {
    if (!stream_) throw to_js_error(env, Error(ErrorCode::InvalidArgument, "The VAD stream is closed"));
    return stream_;
}

// push(samples): Promise<Float32Array>
Napi::Value VoiceActivity::push(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        auto stream = this->stream(info.Env());
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
        auto stream = this->stream(info.Env());
        return run_async(info.Env(), [=]() -> Finish {
            const std::lock_guard<std::mutex> lock(stream->mutex);
            const auto probabilities = stream->detector.flush();
            return [probabilities](Napi::Env env) { return to_js(env, probabilities); };
        });
    });
}

void VoiceActivity::close(const Napi::CallbackInfo&) {
    stream_ = nullptr;
}

}  // namespace agora
