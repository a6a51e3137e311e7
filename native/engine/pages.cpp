#include "engine/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "engine/error.h"

namespace agora {
namespace {

size_t page_size() {
    static const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    return size;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
// Sanitizers watch over what comes from the allocator, to the byte.
uint8_t* take(size_t bytes, Pages::Size) {
    void* data = nullptr;
    if (posix_memalign(&data, page_size(), bytes) != 0) return nullptr;
    std::memset(data, 0, bytes);
    return static_cast<uint8_t*>(data);
}

void give_back(uint8_t* data, size_t) {
    std::free(data);
}
#else
constexpr size_t kHugePage = 2 << 20;

size_t round_up(size_t bytes, size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

void give_back(uint8_t* data, size_t bytes) {
    if (bytes > 0) munmap(data, bytes);
}

uint8_t* take(size_t asked, Pages::Size size) {
    const size_t bytes = round_up(asked, page_size());
    const bool huge = size == Pages::Size::Huge && bytes >= kHugePage;
    const size_t room = huge ? bytes + kHugePage : bytes;  // to begin on a huge page's boundary
    void* start = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return nullptr;
    auto* data = static_cast<uint8_t*>(start);
    if (!huge) {
#if defined(MADV_NOHUGEPAGE)
        // A system that makes all pages huge would give memory to what is never written.
        madvise(data, bytes, MADV_NOHUGEPAGE);
#endif
        return data;
    }
    const size_t before = round_up(reinterpret_cast<uintptr_t>(data), kHugePage) - reinterpret_cast<uintptr_t>(data);
    give_back(data, before);
    data += before;
    give_back(data + bytes, room - before - bytes);
#if defined(MADV_HUGEPAGE)
    madvise(data, bytes, MADV_HUGEPAGE);  // a system without huge pages has small ones
#endif
    return data;
}
#endif

}  // namespace

Pages::Pages(size_t bytes, Size size, const char* what) : bytes_(bytes) {
    data_ = take(bytes_, size);
    if (data_ == nullptr) throw Error(ErrorCode::OutOfMemory, std::string("No memory for ") + what);
}

Pages::Pages(Pages&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Pages& Pages::operator=(Pages&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    return *this;
}

Pages::~Pages() {
    if (data_ != nullptr) give_back(data_, bytes_);
}

}  // namespace agora
