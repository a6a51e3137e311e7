#pragma once

#include <napi.h>

#include <memory>

#include "engine/batch/batched_borealis.h"

namespace agora {

// A loaded Borealis model. JavaScript: see NativeBorealisModel in src/engine/addon.ts.
class BorealisModel : public Napi::ObjectWrap<BorealisModel> {
  public:
    static void define(Napi::Env env, Napi::Object exports);

    explicit BorealisModel(const Napi::CallbackInfo& info);

  private:
    static Napi::Value load(const Napi::CallbackInfo& info);
    Napi::Value info(const Napi::CallbackInfo& info);
    Napi::Value timings(const Napi::CallbackInfo& info);
    Napi::Value transcribe(const Napi::CallbackInfo& info);
    Napi::Value close(const Napi::CallbackInfo& info);

    std::shared_ptr<BatchedBorealis> engine(Napi::Env env) const;

    std::shared_ptr<BatchedBorealis> engine_;
};

}  // namespace agora
