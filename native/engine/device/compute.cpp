#include "engine/device/compute.h"

#include <ggml-cpu.h>

#include <exception>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/device/backends.h"
#include "engine/error.h"

namespace agora {
namespace {

// The CPU backend is a module: its functions are found by name.
template <typename Function>
Function cpu_function(ggml_backend_t backend, const char* name) {
    ggml_backend_reg_t registry = ggml_backend_dev_backend_reg(ggml_backend_get_device(backend));
    return reinterpret_cast<Function>(ggml_backend_reg_get_proc_address(registry, name));
}

// ggml ends the process where a thread cannot be started. So many are started once before it tries.
void check_threads(int count) {
    std::vector<std::thread> started;
    bool failed = false;
    try {
        for (int i = 0; i < count; ++i) started.emplace_back([] {});
    } catch (const std::exception&) {
        failed = true;
    }
    for (std::thread& thread : started) thread.join();
    if (failed) throw Error(ErrorCode::OutOfMemory, "No memory for " + std::to_string(count) + " compute threads");
}

ggml_backend_t start_cpu() {
    need_cpu_backend();
    ggml_backend_t backend = ggml_backend_init_by_type(GGML_BACKEND_DEVICE_TYPE_CPU, nullptr);
    if (backend == nullptr) throw Error(ErrorCode::DeviceUnavailable, "The CPU backend could not be started");
    return backend;
}

ggml_backend_t start_gpu() {
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU);
    if (device == nullptr) throw Error(ErrorCode::DeviceUnavailable, "There is no GPU among the loaded backends");
    ggml_backend_t backend = ggml_backend_dev_init(device, nullptr);
    if (backend == nullptr) {
        throw Error(ErrorCode::DeviceUnavailable,
                    std::string("The GPU ") + ggml_backend_dev_description(device) + " could not be started");
    }
    return backend;
}

void check(ggml_status status) {
    if (status == GGML_STATUS_ALLOC_FAILED) throw Error(ErrorCode::OutOfMemory, "No memory to compute a graph");
    if (status != GGML_STATUS_SUCCESS) throw Error(ErrorCode::Internal, "Computing a graph failed");
}

}  // namespace

void Compute::node_failed(std::exception_ptr error) noexcept {
    const std::lock_guard<std::mutex> lock(failure_mutex_);
    failure_ = std::move(error);
    failed_.store(true, std::memory_order_relaxed);
}

void Compute::throw_failure() {
    if (!has_failed()) return;
    const std::lock_guard<std::mutex> lock(failure_mutex_);
    failed_.store(false, std::memory_order_relaxed);
    std::rethrow_exception(std::exchange(failure_, nullptr));
}

CpuCompute::CpuCompute(int threads) : Compute(start_cpu()) {
    ggml_backend_t backend = backend_.get();
    if (threads > 1) {
        check_threads(threads - 1);
        ggml_threadpool_params params = ggml_threadpool_params_default(threads);
        params.poll = 0;  // waiting threads sleep
        pool_ = cpu_function<decltype(&ggml_threadpool_new)>(backend, "ggml_threadpool_new")(&params);
        cpu_function<decltype(&ggml_backend_cpu_set_threadpool)>(backend, "ggml_backend_cpu_set_threadpool")(backend,
                                                                                                             pool_);
    }
    cpu_function<ggml_backend_set_n_threads_t>(backend, "ggml_backend_set_n_threads")(backend, threads);
    cpu_function<ggml_backend_set_abort_callback_t>(backend, "ggml_backend_set_abort_callback")(
        backend,
        [](void* self) {
            const auto* compute = static_cast<CpuCompute*>(self);
            const std::atomic<bool>* stop = compute->stop_;
            return compute->has_failed() || (stop != nullptr && stop->load(std::memory_order_relaxed));
        },
        this);
}

CpuCompute::~CpuCompute() {
    if (pool_ == nullptr) return;
    const auto release = cpu_function<decltype(&ggml_threadpool_free)>(backend_.get(), "ggml_threadpool_free");
    backend_.reset();
    release(pool_);
}

bool CpuCompute::run(ggml_cgraph* graph, const std::atomic<bool>* stop) {
    stop_ = stop;
    const ggml_status status = ggml_backend_graph_compute(backend_.get(), graph);
    stop_ = nullptr;
    throw_failure();
    if (status == GGML_STATUS_ABORTED) return false;
    check(status);
    return true;
}

GpuCompute::GpuCompute() : Compute(start_gpu()) {}

bool GpuCompute::run(ggml_cgraph* graph, const std::atomic<bool>* stop) {
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) return false;
    check(ggml_backend_graph_compute(backend_.get(), graph));
    return true;
}

}  // namespace agora
