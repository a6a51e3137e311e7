#include "engine/borealis/language_memory.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/kernels/number_formats.h"

namespace agora {
namespace {

constexpr int kStrip = PackedMatrix::kStrip;
// Memory grows by so many positions: a window's prompt and most of its text take two or three of these.
constexpr int kGrowth = 256;

}  // namespace

size_t LanguageMemory::matrix_bytes() const {
    return static_cast<size_t>(room_) * static_cast<size_t>(shape_.padded_head()) * shape_.value_bytes();
}

size_t LanguageMemory::offset(int layer, int head, bool values) const {
    const auto index = static_cast<size_t>(layer) * static_cast<size_t>(shape_.heads) + static_cast<size_t>(head);
    return (2 * index + (values ? 1 : 0)) * matrix_bytes();
}

const uint8_t* LanguageMemory::keys(int layer, int head, int position) const {
    return pages_.data() + offset(layer, head, false) +
           static_cast<size_t>(position) * static_cast<size_t>(shape_.padded_head()) * shape_.value_bytes();
}

const uint8_t* LanguageMemory::values(int layer, int head, int index) const {
    return pages_.data() + offset(layer, head, true) +
           static_cast<size_t>(index) * static_cast<size_t>(room_) * kStrip * shape_.value_bytes();
}

void LanguageMemory::reserve(int positions) {
    if (positions <= room_) return;
    LanguageMemory larger(shape_);
    larger.room_ = (positions + kGrowth - 1) / kGrowth * kGrowth;
    // Zeros: what stands behind the last position is multiplied with zeros.
    larger.pages_ = Pages(larger.offset(shape_.layers, 0, false), Pages::Size::Normal, "a sequence");
    larger.take(*this);
    *this = std::move(larger);
}

void LanguageMemory::truncate(int length) {
    length_ = std::min(length_, length);
    if (length_ > 0) return;
    pages_ = {};
    room_ = 0;
}

void LanguageMemory::copy_from(const LanguageMemory& other) {
    length_ = 0;
    reserve(other.length_);
    take(other);
}

void LanguageMemory::take(const LanguageMemory& other) {
    const size_t value = shape_.value_bytes();
    const auto head_width = static_cast<size_t>(shape_.padded_head());
    const auto length = static_cast<size_t>(other.length_);
    const size_t key_bytes = (length + kStrip - 1) / kStrip * kStrip * head_width * value;
    const size_t strip_bytes = length * kStrip * value;
    for (int layer = 0; layer < shape_.layers && length > 0; ++layer) {
        for (int head = 0; head < shape_.heads; ++head) {
            std::memcpy(pages_.data() + offset(layer, head, false), other.keys(layer, head, 0), key_bytes);
            for (int strip = 0; strip < shape_.padded_head() / kStrip; ++strip) {
                std::memcpy(const_cast<uint8_t*>(values(layer, head, strip)), other.values(layer, head, strip),
                            strip_bytes);
            }
        }
    }
    length_ = other.length_;
}

void LanguageMemory::write(int layer, int head, int position, const float* key, const float* value) {
    if (shape_.storage == Storage::F32) {
        write_as<float>(layer, head, position, key, value);
    } else {
        write_as<Half>(layer, head, position, key, value);
    }
}

template <typename Value>
void LanguageMemory::write_as(int layer, int head, int position, const float* key, const float* value) {
    // A column of the keys' strip, and a row of each of the values'.
    auto* keys = reinterpret_cast<Value*>(const_cast<uint8_t*>(this->keys(layer, head, position / kStrip * kStrip)));
    for (int first = 0; first < shape_.head_width; first += kStrip) {
        const int count = std::min(kStrip, shape_.head_width - first);
        Value column[kStrip];
        narrow(key + first, count, column);
        for (int i = 0; i < count; ++i) keys[(first + i) * kStrip + position % kStrip] = column[i];
        auto* strip = reinterpret_cast<Value*>(const_cast<uint8_t*>(values(layer, head, first / kStrip)));
        narrow(value + first, count, strip + position * kStrip);
    }
}

}  // namespace agora
