// The executors of this process's devices, whose steps run on libuv's worker threads.
#pragma once

#include <memory>

#include "engine/schedule/executor.h"

namespace agora {

// Of the CPU, or of the GPU that is used: for models of all environments, so that they share the device.
std::shared_ptr<Executor> device_executor(bool gpu);

// Has a device's steps run, each as a work item of its own behind what waits for a worker thread already: files, names
// and others wait for one step at most. Called when Executor::submit() says so.
void start_rounds(bool gpu);

// Answers what has been cancelled on all devices; when it returns, none of it is there any more.
void drop_cancelled_windows();

}  // namespace agora
