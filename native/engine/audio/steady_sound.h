// Sound of machines: tones of the telephone, mains hum, engines.
#pragma once

#include <cstddef>

namespace agora {

// Whether `samples` (16 kHz) are as loud all the time as no voice is, which rises and falls with every syllable, and
// are so below 800 Hz too, where a voice stands out of hiss that is louder than itself. Breaks are left out: a tone
// that comes and goes is steady too. What holds less than a second of sound is not judged.
bool is_steady_sound(const float* samples, size_t count);

// Whether they rise and fall as much as the syllables of a voice that nothing covers, breaks left out. Noise does not.
bool rises_and_falls(const float* samples, size_t count);

}  // namespace agora
