// Which frames of a window the encoder computes.
#pragma once

#include <cstddef>

namespace agora {

// Whisper hears 30 s always; where less is recorded, silence follows. A model must see that silence, or it goes on and
// on, but not each of its frames, which are alike: some stand for several, and attention gives them as much more
// weight.
struct WindowFrames {
    static constexpr int kAll = 1500;  // of 20 ms

    int heard = kAll;  // the first ones, each of which is computed
    int each = 1;      // frames behind them that one which is computed stands for

    int count() const { return heard + (kAll - heard) / each; }
    // Of the window's frames, the one that is computed in row `row`.
    int position(int row) const { return row < heard ? row : heard + (row - heard) * each + each / 2; }
};

// For a window of so many samples of 16 kHz and silence. All frames where little would be gained.
inline WindowFrames thinned_silence(size_t samples) {
    constexpr int kSamples = 320;
    constexpr int kMargin = 64;  // of silence behind the sound that are computed one by one
    constexpr int kEach = 8;
    constexpr int kMost = WindowFrames::kAll * 7 / 8;
    const int sound = static_cast<int>((samples + kSamples - 1) / kSamples);
    const int heard = sound + kMargin + (WindowFrames::kAll - sound - kMargin) % kEach;
    return heard < kMost ? WindowFrames{heard, kEach} : WindowFrames{};
}

// To the scores of frames [first, count).
inline void add_bias(float* scores, int first, int count, float bias) {
    for (int i = first; i < count; ++i) scores[i] += bias;
}

}  // namespace agora
