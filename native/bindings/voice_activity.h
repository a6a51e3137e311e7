#pragma once

#include <napi.h>

#include <mutex>

#include "bindings/model_object.h"
#include "engine/audio/vad.h"

namespace agora {

struct VadStream {
    explicit VadStream(const std::string& path) : detector(path) {}
    std::mutex mutex;
    VoiceActivityDetector detector;
};

// One stream of voice activity detection. JavaScript: see NativeVad in src/addon/addon.ts.
class VoiceActivity : public ModelObject<VoiceActivity, VadStream, &Instance::vad> {
  public:
    static void define(Napi::Env env, Napi::Object exports);

    using ModelObject::ModelObject;

  private:
    static Napi::Value load(const Napi::CallbackInfo& info);
    Napi::Value push(const Napi::CallbackInfo& info);
    Napi::Value flush(const Napi::CallbackInfo& info);
};

}  // namespace agora
