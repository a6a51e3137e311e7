#include "engine/audio/resampler.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "engine/error.h"

namespace agora {
namespace {

// Zero crossings of the sinc on each side, counted at the lower of the two rates.
constexpr int kZeroCrossings = 64;
constexpr double kKaiserBeta = 10.06;  // 100 dB
constexpr int64_t kMaxExactPhases = 1024;
constexpr int64_t kInterpolatedPhases = 512;
constexpr double kPi = 3.14159265358979323846;

// Modified Bessel function of the first kind, order 0.
double bessel_i0(double x) {
    double sum = 1.0;
    double term = 1.0;
    for (int k = 1; term > 1e-14 * sum; ++k) {
        term *= (x / (2.0 * k)) * (x / (2.0 * k));
        sum += term;
    }
    return sum;
}

// Explicit lanes: the compiler may not reorder a float sum by itself.
float dot(const float* a, const float* b, int64_t n) {
    float lanes[16] = {};
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        for (int lane = 0; lane < 16; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
    }
    float sum = 0.0f;
    for (const float lane : lanes) sum += lane;
    for (; i < n; ++i) sum += a[i] * b[i];
    return sum;
}

}  // namespace

Resampler::Resampler(int input_rate, int output_rate) {
    if (input_rate < 1 || output_rate < 1 || input_rate > 1000000 || output_rate > 1000000) {
        throw Error(ErrorCode::InvalidArgument, "Expected sample rates of 1 to 1000000 Hz but received " +
                                                    std::to_string(input_rate) + " and " + std::to_string(output_rate));
    }
    const int64_t divisor = std::gcd(input_rate, output_rate);
    up_ = output_rate / divisor;
    down_ = input_rate / divisor;
    // Below the input's rate the sinc widens, so that it cuts at the output's Nyquist frequency.
    const double scale = std::min(1.0, static_cast<double>(up_) / static_cast<double>(down_));
    half_ = static_cast<int64_t>(std::ceil(kZeroCrossings / scale));
    phases_ = up_ <= kMaxExactPhases ? up_ : kInterpolatedPhases;

    // Width of the Kaiser window's transition band, in units of the lower rate; it ends at Nyquist.
    const double transition = (100.0 - 8.0) / (2.285 * 2.0 * kPi * 2.0 * kZeroCrossings);
    const double cutoff = scale * (1.0 - transition);
    const double normaliser = bessel_i0(kKaiserBeta);
    const int64_t taps = 2 * half_;
    table_.resize(static_cast<size_t>((phases_ + 1) * taps));
    for (int64_t phase = 0; phase <= phases_; ++phase) {
        const double fraction = static_cast<double>(phase) / static_cast<double>(phases_);
        for (int64_t tap = 0; tap < taps; ++tap) {
            const double t = static_cast<double>(tap - half_ + 1) - fraction;
            const double r = t / static_cast<double>(half_);
            const double window =
                std::abs(r) < 1.0 ? bessel_i0(kKaiserBeta * std::sqrt(1.0 - r * r)) / normaliser : 0.0;
            const double x = kPi * cutoff * t;
            const double sinc = std::abs(x) < 1e-9 ? 1.0 : std::sin(x) / x;
            table_[static_cast<size_t>(phase * taps + tap)] = static_cast<float>(cutoff * sinc * window);
        }
    }
    // Silence before the first sample.
    first_ = -half_ + 1;
    buffer_.assign(static_cast<size_t>(half_ - 1), 0.0f);
}

void Resampler::produce(int64_t end, std::vector<float>& output) {
    const int64_t taps = 2 * half_;
    for (;;) {
        const int64_t position = produced_ * down_;
        const int64_t index = position / up_;
        if (index + half_ >= end) break;
        const int64_t remainder = position % up_;
        const float* window = buffer_.data() + (index - half_ + 1 - first_);
        if (phases_ == up_) {
            output.push_back(dot(window, table_.data() + remainder * taps, taps));
        } else {
            const double exact =
                static_cast<double>(remainder) * static_cast<double>(phases_) / static_cast<double>(up_);
            const auto phase = static_cast<int64_t>(exact);
            const auto weight = static_cast<float>(exact - static_cast<double>(phase));
            const float* row = table_.data() + phase * taps;
            const float low = dot(window, row, taps);
            output.push_back(low + weight * (dot(window, row + taps, taps) - low));
        }
        ++produced_;
    }
    const int64_t needed = produced_ * down_ / up_ - half_ + 1;
    const int64_t unneeded = std::clamp<int64_t>(needed - first_, 0, static_cast<int64_t>(buffer_.size()));
    buffer_.erase(buffer_.begin(), buffer_.begin() + unneeded);
    first_ += unneeded;
}

std::vector<float> Resampler::process(const float* samples, size_t count) {
    std::vector<float> output;
    output.reserve(count * static_cast<size_t>(up_) / static_cast<size_t>(down_) + 2);
    buffer_.insert(buffer_.end(), samples, samples + count);
    received_ += static_cast<int64_t>(count);
    produce(received_, output);
    return output;
}

std::vector<float> Resampler::flush() {
    const int64_t total = (received_ * up_ + down_ / 2) / down_;
    std::vector<float> output;
    buffer_.insert(buffer_.end(), static_cast<size_t>(half_ + 1 + down_ / up_), 0.0f);
    produce(received_ + half_ + 1 + down_ / up_, output);
    const int64_t surplus = std::max<int64_t>(produced_ - total, 0);
    output.resize(output.size() - static_cast<size_t>(std::min<int64_t>(surplus, static_cast<int64_t>(output.size()))));
    produced_ = total;
    return output;
}

}  // namespace agora
