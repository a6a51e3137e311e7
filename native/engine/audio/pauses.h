// Pauses in the sound of a window, told by its level alone.
#pragma once

#include <cstddef>
#include <vector>

namespace agora {

// Seconds from the start of the samples.
struct Pause {
    double start;
    double end;
};

// The stretches of at least 80 ms in which nothing stands out of the noise: levels of 10 ms against the noise floor
// and the loudest sound of the ten seconds around. Sound that hardly differs from its own quietest part, as music or a
// crowd, has none. `samples`: 16 kHz.
std::vector<Pause> find_pauses(const float* samples, size_t count);

}  // namespace agora
