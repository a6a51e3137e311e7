// bfloat16 and half precision.
#pragma once

#include <cstdint>
#include <cstring>

namespace agora {

using BFloat = uint16_t;
using Half = uint16_t;  // IEEE binary16

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

// [count] floats in the precision of the output; to half, round to nearest even.
void narrow(const float* input, int count, Half* output);
void narrow(const float* input, int count, float* output);
// `count` values in half precision as floats.
void widen(const Half* input, int64_t count, float* output);

}  // namespace agora
