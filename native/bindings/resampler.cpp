#include "bindings/resampler.h"

#include "bindings/arguments.h"
#include "bindings/async.h"
#include "bindings/instance.h"

namespace agora {
namespace {

constexpr int kMaxTracks = 65535;

using Table = std::shared_ptr<const SincTable>;

}  // namespace

void ResamplerObject::define(Napi::Env env, Napi::Object exports) {
    const Napi::Function constructor = DefineClass(
        env, "Resampler",
        {InstanceMethod<&ResamplerObject::process>("process"), InstanceMethod<&ResamplerObject::flush>("flush")});
    Instance::of(env).resampler = Napi::Persistent(constructor);
    exports.Set("createResamplers", Napi::Function::New<create>(env));
}

// createResamplers(inputRate, outputRate, count): Promise<Resampler[]>
Napi::Value ResamplerObject::create(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const int input_rate = integer_argument(info[0], "inputRate", 1, 1e6);
        const int output_rate = integer_argument(info[1], "outputRate", 1, 1e6);
        const auto count = static_cast<uint32_t>(integer_argument(info[2], "count", 1, kMaxTracks));
        return run_async(info.Env(), [=]() -> Finish {
            return [table = SincTable::of(input_rate, output_rate), count](Napi::Env env) mutable {
                Napi::Array resamplers = Napi::Array::New(env, count);
                const auto external = Napi::External<Table>::New(env, &table);
                for (uint32_t i = 0; i < count; ++i) resamplers.Set(i, Instance::of(env).resampler.New({external}));
                return resamplers;
            };
        });
    });
}

ResamplerObject::ResamplerObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ResamplerObject>(info) {
    guarded(info.Env(), [&] {
        if (!info[0].IsExternal()) bad_argument("Resampler", "createResamplers() to make one");
        resampler_ = std::make_unique<Resampler>(*info[0].As<Napi::External<Table>>().Data());
    });
}

Napi::Value ResamplerObject::process(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] {
        const std::vector<float> samples = samples_argument(info[0], "samples");
        return to_js(info.Env(), resampler_->process(samples.data(), samples.size()));
    });
}

Napi::Value ResamplerObject::flush(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&] { return to_js(info.Env(), resampler_->flush()); });
}

}  // namespace agora
