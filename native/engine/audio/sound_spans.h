// Stretches of a window that hold sound.
#pragma once

#include <cstddef>
#include <vector>

namespace agora {

// Seconds from the start of the window.
struct SoundSpan {
    double start;
    double end;
};

// Where `samples` (16 kHz) are about as loud as where something was heard: at most 12 dB below the louder part of
// `heard`, and 9 dB above the quietest tenth of the window. Gaps of up to 0.3 s are bridged; shorter stretches than 0.2
// s are clicks. Empty when nothing was heard.
std::vector<SoundSpan> sound_spans(const float* samples, size_t count, const std::vector<SoundSpan>& heard);

// What of `spans` is left after `from`.
std::vector<SoundSpan> spans_after(const std::vector<SoundSpan>& spans, double from);

// Seconds of all `spans`.
double total_of(const std::vector<SoundSpan>& spans);

}  // namespace agora
