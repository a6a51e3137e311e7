// Silence that holds no sound at all, as muted lines and padded files have it.
#pragma once

#include <cstddef>

namespace agora {

// How many of `count` samples come before any sound: as long as they stay within a few steps of 16-bit audio (-78 dBFS
// from peak to peak), which is what dither leaves of silence. A constant offset is no sound; the quietest rooms lie
// well above.
size_t leading_silence(const float* samples, size_t count);

// Whether there is no sound in `count` samples. No samples are silence.
inline bool is_digital_silence(const float* samples, size_t count) {
    return leading_silence(samples, count) == count;
}

}  // namespace agora
