#pragma once

#include <napi.h>

#include "bindings/model_object.h"
#include "engine/schedule/batched_whisper.h"

namespace agora {

// A loaded model of the batched engine. JavaScript: see NativeBatchedModel in src/addon/addon.ts.
class BatchedModel : public ModelObject<BatchedModel, BatchedWhisper, &Instance::batched_model> {
  public:
    static void define(Napi::Env env, Napi::Object exports);

    using ModelObject::ModelObject;

  private:
    static Napi::Value load(const Napi::CallbackInfo& info);
    Napi::Value info(const Napi::CallbackInfo& info);
    Napi::Value tokenize(const Napi::CallbackInfo& info);
    Napi::Value numeral_tokens(const Napi::CallbackInfo& info);
    Napi::Value current_load(const Napi::CallbackInfo& info);
    Napi::Value transcribe(const Napi::CallbackInfo& info);
    Napi::Value detect_language(const Napi::CallbackInfo& info);
    Napi::Value live_step(const Napi::CallbackInfo& info);
    Napi::Value live_words(const Napi::CallbackInfo& info);
};

}  // namespace agora
