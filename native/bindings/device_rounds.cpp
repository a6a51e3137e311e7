#include "bindings/device_rounds.h"

#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>

#include "bindings/libuv.h"
#include "engine/error.h"

namespace agora {
namespace {

// An event loop that nobody runs, for work items that belong to no environment: they are queued from worker threads,
// and go on when the environment that brought the work is gone. One thread at a time uses it.
class WorkLoop {
  public:
    WorkLoop() : loop_(static_cast<uv_loop_t*>(std::malloc(uv_loop_size()))) {
        if (loop_ != nullptr && uv_loop_init(loop_) == 0) return;
        std::free(loop_);
        throw Error(ErrorCode::Internal, "No event loop for the engine's work: has the process too many open files?");
    }

    void queue(uv_work_cb work, void* data) {
        const std::lock_guard<std::mutex> lock(mutex_);
        // Lets go of items that are done.
        uv_run(loop_, kUvRunNoWait);
        auto* item = static_cast<uv_work_t*>(std::malloc(uv_req_size(kUvWork)));
        if (item == nullptr) throw std::bad_alloc();
        uv_req_set_data(reinterpret_cast<uv_req_t*>(item), data);
        const auto done = [](uv_work_t* finished, int) { std::free(finished); };
        if (uv_queue_work(loop_, item, work, done) == 0) return;
        std::free(item);
        throw std::bad_alloc();
    }

  private:
    std::mutex mutex_;
    uv_loop_t* loop_;  // of libuv's size, which may differ from that of its header
};

void queue_step(Executor& executor);

// They live as long as the process: worker threads may use them until its end.
WorkLoop& work_loop() {
    static auto* loop = new WorkLoop();
    return *loop;
}

void take_step(uv_work_t* item) {
    Executor& executor = *static_cast<Executor*>(uv_req_get_data(reinterpret_cast<uv_req_t*>(item)));
    while (executor.step()) {
        try {
            return queue_step(executor);
        } catch (const std::exception&) {
            // No memory to wait in line: the next step is taken here.
        }
    }
}

// Each step is a work item of its own behind what waits for a worker thread already: files, names and others wait for
// one step at most.
void queue_step(Executor& executor) {
    work_loop().queue(take_step, &executor);
}

struct Device {
    std::shared_ptr<Executor> executor = std::make_shared<Executor>([this] { queue_step(*executor); });
};

Device& device(bool gpu) {
    static auto* devices = new Device[2];
    return devices[gpu ? 1 : 0];
}

}  // namespace

std::shared_ptr<Executor> device_executor(bool gpu) {
    // What steps need is there before the first window comes: with a model, or there is none.
    work_loop();
    return device(gpu).executor;
}

void drop_cancelled_windows() {
    for (const bool gpu : {false, true}) device(gpu).executor->drop_cancelled();
}

}  // namespace agora
