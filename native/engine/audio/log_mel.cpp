#include "engine/audio/log_mel.h"

#include <algorithm>
#include <cmath>
#include <complex>

namespace agora {
namespace {

constexpr int kFrameLength = 400;
constexpr int kHop = 160;
constexpr int kWindowSamples = LogMel::kFrames * kHop;
constexpr double kPi = 3.14159265358979323846;

using Complex = std::complex<float>;

// Discrete Fourier transform of `n` points at `stride`, n a product of 2 and 5; twiddle[k] = exp(-2πik/400).
void transform(const Complex* input, int n, int stride, const std::vector<Complex>& twiddle, Complex* output) {
    if (n == 1) {
        output[0] = input[0];
        return;
    }
    const int radix = n % 5 == 0 ? 5 : 2;
    const int part = n / radix;
    for (int r = 0; r < radix; ++r) transform(input + r * stride, part, stride * radix, twiddle, output + r * part);
    const int step = static_cast<int>(twiddle.size()) / n;
    Complex values[5];
    for (int k = 0; k < part; ++k) {
        for (int r = 0; r < radix; ++r) values[r] = output[r * part + k] * twiddle[static_cast<size_t>(r * k * step)];
        for (int q = 0; q < radix; ++q) {
            Complex sum = values[0];
            for (int r = 1; r < radix; ++r)
                sum += values[r] * twiddle[static_cast<size_t>(r * q * part * step) % twiddle.size()];
            output[q * part + k] = sum;
        }
    }
}

const std::vector<Complex>& twiddles() {
    static const std::vector<Complex> table = [] {
        std::vector<Complex> values(kFrameLength);
        for (int k = 0; k < kFrameLength; ++k)
            values[static_cast<size_t>(k)] = std::polar(1.0, -2 * kPi * k / kFrameLength);
        return values;
    }();
    return table;
}

}  // namespace

LogMel::LogMel(int bands, std::vector<float> filters) : bands_(bands), window_(kFrameLength) {
    for (int i = 0; i < kFrameLength; ++i)
        window_[static_cast<size_t>(i)] = static_cast<float>(0.5 - 0.5 * std::cos(2 * kPi * i / kFrameLength));
    for (int band = 0; band < bands; ++band) {
        const auto row = filters.begin() + band * kBins;
        const auto used = [](float weight) { return weight != 0.0f; };
        const auto first = std::find_if(row, row + kBins, used);
        auto last = row + kBins;
        while (last != first && !used(*(last - 1))) --last;
        filters_.push_back({static_cast<int>(first - row), {first, last}});
    }
}

void LogMel::compute(const float* samples, size_t count, float* output) const {
    // Half a frame before the start (reflected) and after the end of the 30 s.
    std::vector<float> audio(kWindowSamples + kFrameLength, 0.0f);
    const int half = kFrameLength / 2;
    const int used = static_cast<int>(std::min<size_t>(count, kWindowSamples));
    std::copy(samples, samples + used, audio.begin() + half);
    for (int i = 1; i <= half; ++i) audio[static_cast<size_t>(half - i)] = i < used ? samples[i] : 0.0f;

    float highest = -1e20f;
    const int silent_from = std::min(kFrames, (used + half) / kHop + 1);
    std::vector<Complex> frame(kFrameLength / 2);
    std::vector<Complex> packed(kFrameLength / 2);
    std::vector<Complex> half_twiddle(kFrameLength / 2);
    for (int k = 0; k < kFrameLength / 2; ++k)
        half_twiddle[static_cast<size_t>(k)] = twiddles()[static_cast<size_t>(2 * k)];
    float power[kBins];
    for (int t = 0; t < kFrames; ++t) {
        if (t < silent_from) {
            // Two real samples as one complex number: a transform of half the length (Numerical Recipes, 12.3).
            const float* start = audio.data() + t * kHop;
            for (int i = 0; i < kFrameLength / 2; ++i) {
                frame[static_cast<size_t>(i)] = {start[2 * i] * window_[static_cast<size_t>(2 * i)],
                                                 start[2 * i + 1] * window_[static_cast<size_t>(2 * i + 1)]};
            }
            transform(frame.data(), kFrameLength / 2, 1, half_twiddle, packed.data());
            for (int k = 0; k < kBins; ++k) {
                const Complex a = packed[static_cast<size_t>(k % 200)];
                const Complex b = std::conj(packed[static_cast<size_t>((200 - k) % 200)]);
                const Complex even = 0.5f * (a + b);
                const Complex odd = Complex(0, -0.5f) * (a - b);
                power[k] = std::norm(even + odd * twiddles()[static_cast<size_t>(k)]);
            }
        }
        for (int band = 0; band < bands_; ++band) {
            float sum = 0;
            if (t < silent_from) {
                const Band& filter = filters_[static_cast<size_t>(band)];
                for (size_t i = 0; i < filter.weights.size(); ++i)
                    sum += filter.weights[i] * power[filter.first + static_cast<int>(i)];
            }
            const float value = std::log10(std::max(sum, 1e-10f));
            highest = std::max(highest, value);
            output[band * kFrames + t] = value;
        }
    }
    const float floor = highest - 8.0f;
    for (int i = 0; i < bands_ * kFrames; ++i) output[i] = (std::max(output[i], floor) + 4.0f) / 4.0f;
}

}  // namespace agora
