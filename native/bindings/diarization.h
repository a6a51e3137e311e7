#pragma once

#include <napi.h>

#include <memory>
#include <mutex>

#include "bindings/model_object.h"
#include "engine/speakers/diarizer.h"

namespace agora {

// A loaded diarization model. JavaScript: see NativeDiarizationModel in src/addon/addon.ts.
class DiarizationModelObject
    : public ModelObject<DiarizationModelObject, DiarizationModel, &Instance::diarization_model> {
  public:
    static void define(Napi::Env env, Napi::Object exports);

    using ModelObject::ModelObject;

  private:
    static Napi::Value load(const Napi::CallbackInfo& info);
    Napi::Value info(const Napi::CallbackInfo& info);
    Napi::Value open(const Napi::CallbackInfo& info);
};

struct DiarizationWork {
    explicit DiarizationWork(std::unique_ptr<DiarizationStream> opened) : stream(std::move(opened)) {}
    std::mutex mutex;
    const std::unique_ptr<DiarizationStream> stream;
};

// One recording. JavaScript: NativeDiarizationStream.
class DiarizationStreamObject
    : public ModelObject<DiarizationStreamObject, DiarizationWork, &Instance::diarization_stream> {
  public:
    static void define(Napi::Env env);

    using ModelObject::ModelObject;

  private:
    Napi::Value push(const Napi::CallbackInfo& info);
    Napi::Value finish(const Napi::CallbackInfo& info);
};

}  // namespace agora
