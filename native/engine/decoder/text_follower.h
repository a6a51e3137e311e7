// Follows a text while it is written greedily, by where the decoder looks, and may end it.
#pragma once

#include <cstddef>

#include "engine/decoder/decoder.h"

namespace agora {

class TextFollower {
  public:
    virtual ~TextFollower() = default;

    // Takes the attention to every run's tokens.
    virtual AttentionCapture& capture() = 0;
    // The first `rows` tokens of the run only read what stands already.
    virtual void read(size_t rows) = 0;
    // Token `row` of the run has chosen the next one. False: the text ends before that.
    virtual bool choose(size_t row, int token, float log_prob) = 0;
};

}  // namespace agora
