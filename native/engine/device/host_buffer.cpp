#include "engine/device/host_buffer.h"

#include <string>

#include "engine/error.h"

namespace agora {

void* HostBuffer::reserve(size_t bytes) {
    if (bytes <= bytes_) return data();
    buffer_.reset();
    bytes_ = 0;
    ggml_backend_buffer_type_t type = ggml_backend_dev_host_buffer_type(device_);
    if (type != nullptr) buffer_.reset(ggml_backend_buft_alloc_buffer(type, bytes));
    if (!buffer_) {
        ggml_backend_dev_t cpu = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
        buffer_.reset(ggml_backend_buft_alloc_buffer(ggml_backend_dev_buffer_type(cpu), bytes));
    }
    if (!buffer_) throw Error(ErrorCode::OutOfMemory, "No memory for " + std::to_string(bytes) + " bytes of the host");
    bytes_ = bytes;
    return data();
}

}  // namespace agora
