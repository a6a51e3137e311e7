// A windowed sinc at the positions that one change of sample rate needs it at (J. O. Smith, "Digital Audio
// Resampling").
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace agora {

// Kaiser window, about 100 dB of stop band; flat to 91 % of the lower Nyquist frequency. Takes half a megabyte at most,
// whatever the rates.
class SincTable {
  public:
    // Rates in Hz, 1 to 1 000 000, neither more than 256 times the other. Shared by all who have it at the same time:
    // it takes milliseconds to make. Any thread. Throws InvalidArgument.
    static std::shared_ptr<const SincTable> of(int input_rate, int output_rate);

    SincTable(int64_t up, int64_t down);

    int64_t up() const { return up_; }      // output rate / greatest common divisor
    int64_t down() const { return down_; }  // input rate / greatest common divisor
    int64_t half() const { return half_; }  // taps on each side of the output's position
    size_t bytes() const { return table_.size() * sizeof(float); }

    // The output at `remainder` / up() of an input sample behind the one that `window`'s half() - 1 is.
    // `window`: [2 * half()] samples, which are all read.
    float at(const float* window, int64_t remainder) const;

  private:
    int64_t up_, down_, half_;
    int64_t phases_;            // sub-sample positions in the table
    bool exact_;                // these are all there are: nothing is interpolated
    std::vector<float> table_;  // [phases_ + 1][2 * half_]
};

}  // namespace agora
