// A CPU backend with threads of its own, used by one thread at a time.
#pragma once

#include <ggml-backend.h>
#include <ggml-cpp.h>

#include <atomic>

struct ggml_threadpool;

namespace agora {

class CpuCompute {
  public:
    // `threads` includes the calling thread. The CPU backend must be loaded. Throws DeviceUnavailable.
    explicit CpuCompute(int threads);
    ~CpuCompute();
    CpuCompute(const CpuCompute&) = delete;
    CpuCompute& operator=(const CpuCompute&) = delete;

    ggml_backend_t backend() const { return backend_.get(); }
    ggml_backend_dev_t device() const { return ggml_backend_get_device(backend_.get()); }

    // Its threads, for other users of the same thread; null where there is only the calling one.
    ggml_threadpool* pool() const { return pool_; }

    // False when `stop` was set before the graph was done. Throws Internal.
    bool run(ggml_cgraph* graph, const std::atomic<bool>* stop);

  private:
    ggml_backend_ptr backend_;
    ggml_threadpool* pool_ = nullptr;
    const std::atomic<bool>* stop_ = nullptr;
};

}  // namespace agora
