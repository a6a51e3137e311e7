// Whether a device computes what a graph asks for, and has the memory to.
#pragma once

#include <ggml-backend.h>

#include <string>

namespace agora {

// Throws DeviceUnavailable that names the first operation that `device` does not have.
void check_operations(ggml_backend_dev_t device, ggml_cgraph* graph);

// Throws OutOfMemory where a GPU has less memory for the model of `path` than `bytes` and what its libraries take while
// they compute.
void check_memory(const std::string& path, ggml_backend_dev_t device, size_t bytes = 0);

}  // namespace agora
