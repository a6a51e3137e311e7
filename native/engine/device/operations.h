// Whether a device computes what a graph asks for.
#pragma once

#include <ggml-backend.h>

namespace agora {

// Throws DeviceUnavailable that names the first operation that `device` does not have.
void check_operations(ggml_backend_dev_t device, ggml_cgraph* graph);

}  // namespace agora
