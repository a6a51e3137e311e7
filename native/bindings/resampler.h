#pragma once

#include <napi.h>

#include "engine/audio/resampler.h"

namespace agora {

// class Resampler { process(samples): Float32Array; flush(): Float32Array }
class ResamplerObject : public Napi::ObjectWrap<ResamplerObject> {
  public:
    static void define(Napi::Env env, Napi::Object exports);

    // Of an External with the table that it takes a share in.
    explicit ResamplerObject(const Napi::CallbackInfo& info);

  private:
    static Napi::Value create(const Napi::CallbackInfo& info);
    Napi::Value process(const Napi::CallbackInfo& info);
    Napi::Value flush(const Napi::CallbackInfo& info);

    std::unique_ptr<Resampler> resampler_;
};

}  // namespace agora
