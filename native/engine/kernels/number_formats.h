// bfloat16 and 8-bit rows.
#pragma once

#include <cstdint>
#include <cstring>

namespace agora {

using BFloat = uint16_t;

inline float to_float(BFloat x) {
    const uint32_t bits = static_cast<uint32_t>(x) << 16;
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// Round to nearest, ties to even; NaN is not expected.
inline BFloat to_bfloat(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return static_cast<BFloat>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

}  // namespace agora
