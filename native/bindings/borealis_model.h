#pragma once

#include <napi.h>

#include "bindings/model_object.h"
#include "engine/schedule/batched_borealis.h"

namespace agora {

// A loaded Borealis model. JavaScript: see NativeBorealisModel in src/addon/addon.ts.
class BorealisModel : public ModelObject<BorealisModel, BatchedBorealis, &Instance::borealis_model> {
  public:
    static void define(Napi::Env env, Napi::Object exports);

    using ModelObject::ModelObject;

  private:
    static Napi::Value load(const Napi::CallbackInfo& info);
    Napi::Value info(const Napi::CallbackInfo& info);
    Napi::Value timings(const Napi::CallbackInfo& info);
    Napi::Value transcribe(const Napi::CallbackInfo& info);
};

}  // namespace agora
