// Mel bands of power spectra.
#pragma once

#include <vector>

namespace agora {

class MelBands {
  public:
    // `filters`: what each bin weighs in each band, [bands][bins].
    MelBands(int bands, const std::vector<float>& filters);

    int count() const { return static_cast<int>(filters_.size()); }

    // Of a power spectrum, [bins], what is in a band.
    float power(int band, const float* spectrum) const;

  private:
    struct Filter {
        int first;  // bins outside [first, first + weights.size()) weigh nothing
        std::vector<float> weights;
    };

    std::vector<Filter> filters_;
};

// A Hann window of `length` samples: periodic where `period` is as long, symmetric where it is one less.
std::vector<float> hann_window(int length, int period);

}  // namespace agora
