#include "engine/audio/sinc_table.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>
#include <string>
#include <utility>

#include "engine/error.h"

namespace agora {
namespace {

constexpr int kMaxRate = 1000000;
constexpr int64_t kMaxRatio = 256;
// Zero crossings of the sinc on each side, counted at the lower of the two rates.
constexpr int kZeroCrossings = 64;
constexpr double kKaiserBeta = 10.06;  // 100 dB
// Rates whose reduced fraction has no larger number have every position in the table, others are interpolated between
// so many from one zero crossing to the next: linearly, which is as exact as the stop band is deep.
constexpr int64_t kMaxExact = 1024;
constexpr int kInterpolated = 512;
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

std::shared_ptr<const SincTable> SincTable::of(int input_rate, int output_rate) {
    const auto received = [&] { return std::to_string(input_rate) + " and " + std::to_string(output_rate); };
    if (input_rate < 1 || output_rate < 1 || input_rate > kMaxRate || output_rate > kMaxRate)
        throw Error(ErrorCode::InvalidArgument,
                    "Expected sample rates of 1 to " + std::to_string(kMaxRate) + " Hz but received " + received());
    if (std::max(input_rate, output_rate) > kMaxRatio * std::min(input_rate, output_rate))
        throw Error(ErrorCode::InvalidArgument, "Expected sample rates of which one is at most " +
                                                    std::to_string(kMaxRatio) + " times the other but received " +
                                                    received() + " Hz");
    const int divisor = std::gcd(input_rate, output_rate);
    const auto key = std::make_pair(output_rate / divisor, input_rate / divisor);
    static std::mutex mutex;
    static std::map<std::pair<int, int>, std::weak_ptr<const SincTable>> tables;
    // Held while a table is made: whoever wants the same one waits for it rather than making another.
    const std::lock_guard<std::mutex> lock(mutex);
    for (auto table = tables.begin(); table != tables.end();)
        table = table->second.expired() ? tables.erase(table) : std::next(table);
    std::weak_ptr<const SincTable>& known = tables[key];
    std::shared_ptr<const SincTable> table = known.lock();
    if (!table) known = table = std::make_shared<const SincTable>(key.first, key.second);
    return table;
}

SincTable::SincTable(int64_t up, int64_t down) : up_(up), down_(down) {
    // Below the input's rate the sinc widens, so that it cuts at the output's Nyquist frequency.
    const double scale = std::min(1.0, static_cast<double>(up_) / static_cast<double>(down_));
    half_ = static_cast<int64_t>(std::ceil(kZeroCrossings / scale));
    exact_ = std::max(up_, down_) <= kMaxExact;
    phases_ = exact_ ? up_ : static_cast<int64_t>(std::ceil(kInterpolated * scale));

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
}

float SincTable::at(const float* window, int64_t remainder) const {
    const int64_t taps = 2 * half_;
    if (exact_) return dot(window, table_.data() + remainder * taps, taps);
    const double position = static_cast<double>(remainder) * static_cast<double>(phases_) / static_cast<double>(up_);
    const auto phase = static_cast<int64_t>(position);
    const auto weight = static_cast<float>(position - static_cast<double>(phase));
    const float* row = table_.data() + phase * taps;
    const float low = dot(window, row, taps);
    return low + weight * (dot(window, row + taps, taps) - low);
}

}  // namespace agora
