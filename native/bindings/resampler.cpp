#include "bindings/resampler.h"

#include "bindings/arguments.h"
#include "bindings/async.h"
#include "bindings/instance.h"

namespace agora {

void ResamplerObject::define(Napi::Env env, Napi::Object exports) {
    const Napi::Function constructor = DefineClass(
        env, "Resampler",
        {InstanceMethod<&ResamplerObject::process>("process"), InstanceMethod<&ResamplerObject::flush>("flush")});
    Instance::of(env).resampler = Napi::Persistent(constructor);
    exports.Set("Resampler", constructor);
}

ResamplerObject::ResamplerObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ResamplerObject>(info) {
    guarded(info.Env(), [&] {
        resampler_ = std::make_unique<Resampler>(integer_argument(info[0], "inputRate", 1, 1e6),
                                                 integer_argument(info[1], "outputRate", 1, 1e6));
    });
}

Napi::Value ResamplerObject::process(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::vector<float> samples = samples_argument(info[0], "samples");
        return to_js(info.Env(), resampler_->process(samples.data(), samples.size()));
    });
}

Napi::Value ResamplerObject::flush(const Napi::CallbackInfo& info) {
    return to_js(info.Env(), resampler_->flush());
}

}  // namespace agora
