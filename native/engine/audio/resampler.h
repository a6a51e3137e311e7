// Sample-rate conversion by a polyphase windowed sinc (J. O. Smith, "Digital Audio Resampling").
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace agora {

// One channel, streaming, without delay: output sample n lies at input time n * input_rate / output_rate.
// Kaiser window, about 100 dB of stop band; flat to 91 % of the lower Nyquist frequency.
class Resampler {
  public:
    // Rates in Hz, 1 to 1 000 000. Throws InvalidArgument.
    Resampler(int input_rate, int output_rate);

    // Output that the input so far determines.
    std::vector<float> process(const float* samples, size_t count);
    // The rest, as if silence followed; afterwards round(inputs * output_rate / input_rate) samples were given in all.
    std::vector<float> flush();

  private:
    void produce(int64_t end, std::vector<float>& output);

    int64_t up_;                 // output_rate / gcd
    int64_t down_;               // input_rate / gcd
    int64_t half_;               // taps on each side of the output's position
    int64_t phases_;             // sub-sample positions in the table
    std::vector<float> table_;   // [phases_ + 1][2 * half_]
    std::vector<float> buffer_;  // input from index first_ on
    int64_t first_;
    int64_t received_ = 0;
    int64_t produced_ = 0;
};

}  // namespace agora
