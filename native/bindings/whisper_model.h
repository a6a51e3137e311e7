#pragma once

#include <napi.h>

#include <memory>

#include "engine/whisper/sequential.h"

namespace agora {

// A loaded model of the sequential implementation. JavaScript: see NativeWhisperModel in src/engine/addon.ts.
class WhisperModel : public Napi::ObjectWrap<WhisperModel> {
  public:
    static void define(Napi::Env env, Napi::Object exports);

    explicit WhisperModel(const Napi::CallbackInfo& info);

  private:
    static Napi::Value load(const Napi::CallbackInfo& info);
    Napi::Value info(const Napi::CallbackInfo& info);
    Napi::Value transcribe(const Napi::CallbackInfo& info);
    Napi::Value detect_language(const Napi::CallbackInfo& info);
    Napi::Value close(const Napi::CallbackInfo& info);

    std::shared_ptr<SequentialWhisper> engine(Napi::Env env) const;

    std::shared_ptr<SequentialWhisper> engine_;
};

}  // namespace agora
