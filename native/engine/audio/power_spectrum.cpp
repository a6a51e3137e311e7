#include "engine/audio/power_spectrum.h"

namespace agora {
namespace {

constexpr double kPi = 3.14159265358979323846;

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

}  // namespace

PowerSpectrum::PowerSpectrum(int size) : size_(size), whole_(make_twiddles(size)), half_(make_twiddles(size / 2)) {}

void PowerSpectrum::compute(const float* frame, float* power) const {
    // Two real samples as one complex number: a transform of half the length (Numerical Recipes, 12.3).
    const int half = size_ / 2;
    Complex pairs[kMaxSize / 2];
    Complex packed[kMaxSize / 2];
    for (int i = 0; i < half; ++i) pairs[i] = {frame[2 * i], frame[2 * i + 1]};
    transform(pairs, half, 1, half_, packed);
    for (int k = 0; k <= half; ++k) {
        // What comes after the last is the first again.
        const Complex a = packed[k == half ? 0 : k];
        const Complex b = std::conj(packed[k == 0 ? 0 : half - k]);
        const Complex even = 0.5f * (a + b);
        const Complex odd = times({0, -0.5f}, a - b);
        // The last twiddle is that of half the circle.
        power[k] = std::norm(even + times(odd, whole_[static_cast<size_t>(k)]));
    }
}

}  // namespace agora
