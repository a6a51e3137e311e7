// Memory in pages of the system's own.
#pragma once

#include <cstddef>
#include <cstdint>

namespace agora {

// Zeros, straight from the system: what is never written takes no memory, and what is freed goes back at once. An
// allocator would keep it for the thread that asked for it, and windows are decoded on many threads in turn.
class Pages {
  public:
    // Huge: 2 MiB each where the system has them, for what is written and read as a whole; the processor then finds
    // them with a fraction of the look-ups.
    enum class Size { Normal, Huge };

    Pages() = default;
    // `what` they are for, for the message. Throws OutOfMemory.
    Pages(size_t bytes, Size size, const char* what);
    Pages(Pages&& other) noexcept;
    Pages& operator=(Pages&& other) noexcept;
    ~Pages();

    // On a page's boundary; null where there are none.
    uint8_t* data() const { return data_; }

  private:
    uint8_t* data_ = nullptr;
    size_t bytes_ = 0;
};

}  // namespace agora
