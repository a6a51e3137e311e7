#pragma once

#include <napi.h>

#include <memory>
#include <mutex>

#include "bindings/model_object.h"
#include "engine/schedule/scheduled_speakers.h"
#include "engine/speakers/diarizer.h"

namespace agora {

struct LoadedDiarizer {
    std::shared_ptr<DiarizationModel> model;
    std::unique_ptr<ScheduledSpeakers> scheduled;  // of a model whose steps are taken in parts; else null
};

// A loaded diarization model. JavaScript: see NativeDiarizationModel in src/addon/addon.ts.
class DiarizationModelObject
    : public ModelObject<DiarizationModelObject, LoadedDiarizer, &Instance::diarization_model> {
  public:
    static void define(Napi::Env env, Napi::Object exports);

    using ModelObject::ModelObject;

  private:
    static Napi::Value load(const Napi::CallbackInfo& info);
    Napi::Value info(const Napi::CallbackInfo& info);
    Napi::Value open(const Napi::CallbackInfo& info);
};

struct DiarizationWork {
    std::shared_ptr<LoadedDiarizer> diarizer;
    std::shared_ptr<DiarizationStream> stream;
    JobTraits turn;
    std::mutex mutex;  // of a stream that no executor works on
};

// One recording. JavaScript: NativeDiarizationStream.
class DiarizationStreamObject
    : public ModelObject<DiarizationStreamObject, DiarizationWork, &Instance::diarization_stream> {
  public:
    static void define(Napi::Env env);

    using ModelObject::ModelObject;

  private:
    Napi::Value push(const Napi::CallbackInfo& info);
    Napi::Value look(const Napi::CallbackInfo& info);
    Napi::Value end(const Napi::CallbackInfo& info);
    Napi::Value finish(const Napi::CallbackInfo& info);
};

}  // namespace agora
