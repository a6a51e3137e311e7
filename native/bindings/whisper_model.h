#pragma once

#include <napi.h>

#include "bindings/model_object.h"
#include "engine/reference/sequential.h"

namespace agora {

// A loaded model of the sequential implementation. JavaScript: see NativeWhisperModel in src/addon/addon.ts.
class WhisperModel : public ModelObject<WhisperModel, SequentialWhisper, &Instance::whisper_model> {
  public:
    static void define(Napi::Env env, Napi::Object exports);

    using ModelObject::ModelObject;

  private:
    static Napi::Value load(const Napi::CallbackInfo& info);
    Napi::Value info(const Napi::CallbackInfo& info);
    Napi::Value count_tokens(const Napi::CallbackInfo& info);
    Napi::Value transcribe(const Napi::CallbackInfo& info);
    Napi::Value detect_language(const Napi::CallbackInfo& info);
};

}  // namespace agora
