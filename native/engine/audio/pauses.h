// Pauses in the sound of a window, told by its level alone.
#pragma once

#include <cstddef>
#include <optional>
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

// Seconds of sound between pauses.
struct Turn {
    double start;
    double end;
};

// What is between pauses of 0.25 s, of 0.15 s and longer.
std::vector<Turn> turns_of(const float* samples, size_t count);

// The pause, of at least `shortest` seconds, that the sound at `time` follows, `within` seconds before it at most.
// Nothing where `time` lies in such a pause itself, or sound has gone on for longer. `pauses`: in order.
std::optional<Pause> pause_before(const std::vector<Pause>& pauses, double time, double shortest, double within);

}  // namespace agora
