// The power spectrum of real samples.
#pragma once

#include <complex>
#include <vector>

namespace agora {

class PowerSpectrum {
  public:
    static constexpr int kMaxSize = 512;

    // `size`: samples of a frame, twice a product of powers of 2 and 5, at most kMaxSize.
    explicit PowerSpectrum(int size);

    // Squared magnitudes of size / 2 + 1 bins of a frame of `size` samples.
    void compute(const float* frame, float* power) const;

  private:
    using Complex = std::complex<float>;

    int size_;
    std::vector<Complex> whole_, half_;  // exp(-2πik/N) of N = size and of N = size / 2
};

}  // namespace agora
