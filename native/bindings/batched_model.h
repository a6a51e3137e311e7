#pragma once

#include <napi.h>

#include <memory>

#include "engine/batch/batched_whisper.h"

namespace agora {

// A loaded model of the batched engine. JavaScript: see NativeBatchedModel in src/engine/addon.ts.
class BatchedModel : public Napi::ObjectWrap<BatchedModel> {
  public:
    static void define(Napi::Env env, Napi::Object exports);

    explicit BatchedModel(const Napi::CallbackInfo& info);

  private:
    static Napi::Value load(const Napi::CallbackInfo& info);
    Napi::Value info(const Napi::CallbackInfo& info);
    Napi::Value tokenize(const Napi::CallbackInfo& info);
    Napi::Value current_load(const Napi::CallbackInfo& info);
    Napi::Value transcribe(const Napi::CallbackInfo& info);
    Napi::Value detect_language(const Napi::CallbackInfo& info);
    Napi::Value close(const Napi::CallbackInfo& info);

    std::shared_ptr<BatchedWhisper> engine(Napi::Env env) const;
    Napi::Promise submit(Napi::Env env, WindowRequest request,
                         const std::function<Napi::Value(Napi::Env, const WindowOutcome&)>& to_value,
                         Napi::Function on_languages = {});

    std::shared_ptr<BatchedWhisper> engine_;
};

}  // namespace agora
