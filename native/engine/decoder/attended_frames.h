// Where in the sound a decoder looks while it writes, token by token.
// Source: AlignAtt (Papi et al., 2023, arXiv:2305.11408), for Whisper as in Simul-Whisper (arXiv:2406.10052).
#pragma once

#include <vector>

#include "engine/decoder/alignment.h"
#include "engine/decoder/decoder.h"

namespace agora {

class AttendedFrames {
  public:
    // `heads`: those that follow the sound. `frames`: of sound, 1 to 1500.
    AttendedFrames(size_t heads, int frames);

    // Takes over what token `row` of a run looked at: `weights` are the heads' attention, [heads][rows][1500], each row
    // a softmax. Tokens come in their order, from the first of the prompt on. Returns the frame that it looked at most:
    // of each head the z-score over the tokens so far, smoothed over time, and of all heads the mean.
    int add(const std::vector<float>& weights, size_t rows, size_t row);

  private:
    size_t heads_;
    int frames_;
    size_t width_;  // frames that the medians of those of the sound are of
    double count_ = 0;
    // Of the tokens so far, [heads][width]: mean, and sum of squares about it (Welford, 1962).
    std::vector<double> means_, squares_;
    std::vector<float> scores_, copy_, total_;
};

}  // namespace agora
