// What one environment (the main thread or a worker thread) holds of this addon.
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "bindings/deliveries.h"

namespace agora {

class Instance {
  public:
    explicit Instance(Napi::Env env);

    static Instance& of(Napi::Env env) { return *env.GetInstanceData<Instance>(); }

    Napi::FunctionReference cancel_flag;
    Napi::FunctionReference whisper_model;
    Napi::FunctionReference batched_model;
    Napi::FunctionReference borealis_model;
    Napi::FunctionReference diarization_model;
    Napi::FunctionReference diarization_stream;
    Napi::FunctionReference vad;
    Napi::FunctionReference resampler;

    // What comes from worker threads.
    const std::shared_ptr<Deliveries> deliveries;
    // Of this environment among those of the process.
    uint64_t number() const { return number_; }

    void add(const std::shared_ptr<std::atomic<bool>>& flag);
    // Stops all work of this environment, so that its end need not wait for it.
    void cancel_all();
    // The environment goes: when this returns, no window of it is computed or waits any more, and nothing comes.
    void close();

  private:
    uint64_t number_;
    std::mutex mutex_;
    std::vector<std::weak_ptr<std::atomic<bool>>> flags_;
};

}  // namespace agora
