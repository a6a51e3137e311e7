// Backends that compute graphs: the CPU with threads of its own, and other devices.
#pragma once

#include <ggml-backend.h>
#include <ggml-cpp.h>

#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <string>

struct ggml_threadpool;

namespace agora {

// A started backend, used by one thread at a time.
class Compute {
  public:
    virtual ~Compute() = default;
    Compute(const Compute&) = delete;
    Compute& operator=(const Compute&) = delete;

    ggml_backend_t backend() const { return backend_.get(); }
    ggml_backend_dev_t device() const { return ggml_backend_get_device(backend_.get()); }

    // False when `stop` was set before the graph was done. Throws Internal, OutOfMemory, and what a node has thrown.
    virtual bool run(ggml_cgraph* graph, const std::atomic<bool>* stop) = 0;

    // A node of ours in the graph that runs has thrown, on any of its threads: nothing may be thrown through ggml. The
    // graph stops, and run() throws it.
    void node_failed(std::exception_ptr error) noexcept;

  protected:
    explicit Compute(ggml_backend_t backend) : backend_(backend) {}

    bool has_failed() const { return failed_.load(std::memory_order_relaxed); }
    void throw_failure();

    ggml_backend_ptr backend_;

  private:
    std::atomic<bool> failed_{false};
    std::mutex failure_mutex_;
    std::exception_ptr failure_;
};

class CpuCompute : public Compute {
  public:
    // `threads` includes the calling thread. The CPU backend must be loaded. Throws DeviceUnavailable.
    explicit CpuCompute(int threads);
    ~CpuCompute() override;

    // Its threads, for other users of the same thread; null where there is only the calling one.
    ggml_threadpool* pool() const { return pool_; }

    bool run(ggml_cgraph* graph, const std::atomic<bool>* stop) override;

  private:
    ggml_threadpool* pool_ = nullptr;
    const std::atomic<bool>* stop_ = nullptr;
};

// A GPU. A graph that has begun on it runs to its end.
class GpuCompute : public Compute {
  public:
    // The first GPU of the loaded backends. Throws DeviceUnavailable when there is none or it does not start.
    GpuCompute();

    bool run(ggml_cgraph* graph, const std::atomic<bool>* stop) override;
};

}  // namespace agora
