// The executors of this process's devices, whose steps run on libuv's worker threads.
#pragma once

#include <memory>

#include "engine/schedule/executor.h"

namespace agora {

// Of the CPU, or of the GPU that is used: for models of all environments, so that they share the device. Its steps run
// as windows come. Throws Internal where the process can open no more files.
std::shared_ptr<Executor> device_executor(bool gpu);

// Answers what has been cancelled on all devices; when it returns, none of it is there any more.
void drop_cancelled_windows();

}  // namespace agora
