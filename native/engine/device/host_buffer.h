// Memory of this machine that a device reads and writes: page-locked where the device gains by it.
#pragma once

#include <ggml-backend.h>
#include <ggml-cpp.h>

#include <cstddef>

namespace agora {

class HostBuffer {
  public:
    explicit HostBuffer(ggml_backend_dev_t device) : device_(device) {}

    // At least `bytes` of memory; what it held is lost when it grows. Throws OutOfMemory.
    void* reserve(size_t bytes);
    template <typename Item>
    Item* reserve_items(size_t count) {
        return static_cast<Item*>(reserve(count * sizeof(Item)));
    }

    void* data() const { return buffer_ ? ggml_backend_buffer_get_base(buffer_.get()) : nullptr; }

  private:
    ggml_backend_dev_t device_;
    ggml_backend_buffer_ptr buffer_;
    size_t bytes_ = 0;
};

}  // namespace agora
