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
constexpr float kSilence = -10;  // log10 of the smallest power
constexpr size_t kMaxParts = 256;

using Complex = std::complex<float>;

// Without the care for infinities that the library's product takes.
Complex times(Complex a, Complex b) {
    return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}

// Discrete Fourier transform of `n` points at `stride`, n a product of 2 and 5; twiddle[k] = exp(-2πik/N), N its size.
void transform(const Complex* input, int n, int stride, const std::vector<Complex>& twiddle, Complex* output) {
    if (n == 1) {
        output[0] = input[0];
        return;
    }
    const int radix = n % 5 == 0 ? 5 : 2;
    const int part = n / radix;
    for (int r = 0; r < radix; ++r) transform(input + r * stride, part, stride * radix, twiddle, output + r * part);
    const auto size = static_cast<int>(twiddle.size());
    const int step = size / n;
    if (radix == 2) {
        for (int k = 0; k < part; ++k) {
            const Complex a = output[k];
            const Complex b = times(output[part + k], twiddle[static_cast<size_t>(k * step)]);
            output[k] = a + b;
            output[part + k] = a - b;
        }
        return;
    }
    const Complex* roots[5];  // exp(-2πir/5)
    for (int r = 0; r < 5; ++r) roots[r] = &twiddle[static_cast<size_t>(r * size / 5)];
    for (int k = 0; k < part; ++k) {
        Complex values[5] = {output[k]};
        for (int r = 1; r < 5; ++r) values[r] = times(output[r * part + k], twiddle[static_cast<size_t>(r * k * step)]);
        for (int q = 0; q < 5; ++q) {
            Complex sum = values[0];
            for (int r = 1; r < 5; ++r) sum += times(values[r], *roots[r * q % 5]);
            output[q * part + k] = sum;
        }
    }
}

std::vector<Complex> make_twiddles(int size) {
    std::vector<Complex> values(static_cast<size_t>(size));
    for (int k = 0; k < size; ++k) values[static_cast<size_t>(k)] = std::polar(1.0, -2 * kPi * k / size);
    return values;
}

// Of kFrameLength or half of it.
const std::vector<Complex>& twiddles(int size) {
    static const std::vector<Complex> whole = make_twiddles(kFrameLength);
    static const std::vector<Complex> half = make_twiddles(kFrameLength / 2);
    return size == kFrameLength ? whole : half;
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

void LogMel::compute(const float* samples, size_t count, float* output, const Run& run) const {
    // Half a frame before the start (reflected) and after the end of the 30 s.
    std::vector<float> audio(kWindowSamples + kFrameLength, 0.0f);
    const int half = kFrameLength / 2;
    const int used = static_cast<int>(std::min<size_t>(count, kWindowSamples));
    std::copy(samples, samples + used, audio.begin() + half);
    for (int i = 1; i <= half; ++i) audio[static_cast<size_t>(half - i)] = i < used ? samples[i] : 0.0f;
    const int silent_from = std::min(kFrames, (used + half) / kHop + 1);

    std::vector<float> highest(kMaxParts, kSilence);  // of each part
    run([&](int part, int parts) {
        float& most = highest[static_cast<size_t>(part)];
        for (int t = silent_from * part / parts; t < silent_from * (part + 1) / parts; ++t)
            most = std::max(most, write_frame(audio.data() + t * kHop, output + t));
    });
    const float most = *std::max_element(highest.begin(), highest.end());
    const auto scaled = [floor = most - 8.0f](float value) { return (std::max(value, floor) + 4.0f) / 4.0f; };
    run([&](int part, int parts) {
        for (int band = bands_ * part / parts; band < bands_ * (part + 1) / parts; ++band) {
            float* row = output + band * kFrames;
            std::transform(row, row + silent_from, row, scaled);
            std::fill(row + silent_from, row + kFrames, scaled(kSilence));
        }
    });
}

// One frame's bands, kFrames values apart. Returns the highest.
float LogMel::write_frame(const float* samples, float* output) const {
    // Two real samples as one complex number: a transform of half the length (Numerical Recipes, 12.3).
    constexpr int kHalf = kFrameLength / 2;
    Complex frame[kHalf];
    Complex packed[kHalf];
    for (int i = 0; i < kHalf; ++i) {
        frame[i] = {samples[2 * i] * window_[static_cast<size_t>(2 * i)],
                    samples[2 * i + 1] * window_[static_cast<size_t>(2 * i + 1)]};
    }
    transform(frame, kHalf, 1, twiddles(kHalf), packed);
    const std::vector<Complex>& twiddle = twiddles(kFrameLength);
    float power[kBins];
    for (int k = 0; k < kBins; ++k) {
        const Complex a = packed[k % kHalf];
        const Complex b = std::conj(packed[(kHalf - k) % kHalf]);
        const Complex even = 0.5f * (a + b);
        const Complex odd = times({0, -0.5f}, a - b);
        power[k] = std::norm(even + times(odd, twiddle[static_cast<size_t>(k)]));
    }
    float most = kSilence;
    for (int band = 0; band < bands_; ++band) {
        const Band& filter = filters_[static_cast<size_t>(band)];
        float sum = 0;
        for (size_t i = 0; i < filter.weights.size(); ++i)
            sum += filter.weights[i] * power[filter.first + static_cast<int>(i)];
        const float value = std::log10(std::max(sum, 1e-10f));
        most = std::max(most, value);
        output[band * kFrames] = value;
    }
    return most;
}

}  // namespace agora
