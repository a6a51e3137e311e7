#pragma once

#include <napi.h>

#include <memory>
#include <mutex>

#include "engine/audio/vad.h"

namespace agora {

// One stream of voice activity detection. JavaScript: see NativeVad in src/engine/addon.ts.
class VoiceActivity : public Napi::ObjectWrap<VoiceActivity> {
  public:
    static void define(Napi::Env env, Napi::Object exports);

    explicit VoiceActivity(const Napi::CallbackInfo& info);

    struct Stream {
        explicit Stream(const std::string& path) : detector(path) {}
        std::mutex mutex;
        VoiceActivityDetector detector;
    };

  private:
    static Napi::Value load(const Napi::CallbackInfo& info);
    Napi::Value push(const Napi::CallbackInfo& info);
    Napi::Value flush(const Napi::CallbackInfo& info);
    void close(const Napi::CallbackInfo& info);

    std::shared_ptr<Stream> stream(Napi::Env env) const;

    std::shared_ptr<Stream> stream_;
};

}  // namespace agora
