// What the addon exports. The JavaScript side is src/addon/addon.ts.

#include <napi.h>

#include "bindings/batched_model.h"
#include "bindings/borealis_model.h"
#include "bindings/cancel_flag.h"
#include "bindings/devices.h"
#include "bindings/diarization.h"
#include "bindings/host.h"
#include "bindings/instance.h"
#include "bindings/model_files.h"
#include "bindings/resampler.h"
#include "bindings/voice_activity.h"
#include "bindings/whisper_model.h"

namespace {

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
    using agora::Instance;
    env.SetInstanceData(new Instance(env));
    exports.Set("version", AGORA_VERSION);
    agora::CancelFlag::define(env, exports);
    agora::WhisperModel::define(env, exports);
    agora::BatchedModel::define(env, exports);
    agora::BorealisModel::define(env, exports);
    agora::DiarizationModelObject::define(env, exports);
    agora::VoiceActivity::define(env, exports);
    agora::ResamplerObject::define(env, exports);
    agora::define_devices(env, exports);
    agora::define_host(env, exports);
    agora::define_model_files(env, exports);
    exports.Set("cancelAll", Napi::Function::New(
                                 env, [](const Napi::CallbackInfo& info) { Instance::of(info.Env()).cancel_all(); }));
    // A worker thread that is terminated, and a process that exits, run no JavaScript any more, but wait for their
    // work.
    env.AddCleanupHook([](Instance* instance) { instance->close(); }, &Instance::of(env));
    return exports;
}

}  // namespace

NODE_API_MODULE(agora_transcribe, initialise)
