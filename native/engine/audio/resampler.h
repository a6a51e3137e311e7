// Sample-rate conversion by a polyphase windowed sinc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/audio/sinc_table.h"

namespace agora {

// One channel, streaming, without delay: output sample n lies at input time n * input_rate / output_rate.
class Resampler {
  public:
    explicit Resampler(std::shared_ptr<const SincTable> table);
    // Throws as SincTable::of() does.
    Resampler(int input_rate, int output_rate) : Resampler(SincTable::of(input_rate, output_rate)) {}

    // Output that the input so far determines. Throws InvalidArgument after flush().
    std::vector<float> process(const float* samples, size_t count);
    // The rest, as if silence followed; afterwards round(inputs * output_rate / input_rate) samples were given in all.
    // Nothing when it was called before.
    std::vector<float> flush();

  private:
    void produce(int64_t end, std::vector<float>& output);

    std::shared_ptr<const SincTable> table_;
    std::vector<float> buffer_;  // input from index first_ on
    int64_t first_;
    int64_t received_ = 0;
    int64_t produced_ = 0;
    bool flushed_ = false;
};

}  // namespace agora
