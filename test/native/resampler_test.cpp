#include "engine/audio/resampler.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/error.h"

namespace {

constexpr double kPi = 3.14159265358979323846;

std::vector<float> sine(double frequency, int rate, size_t count) {
    std::vector<float> samples(count);
    for (size_t i = 0; i < count; ++i)
        samples[i] = static_cast<float>(std::sin(2 * kPi * frequency * static_cast<double>(i) / rate));
    return samples;
}

std::vector<float> resampled(const std::vector<float>& input, int from, int to, size_t block) {
    agora::Resampler resampler(from, to);
    std::vector<float> output;
    for (size_t i = 0; i < input.size(); i += block) {
        const auto part = resampler.process(input.data() + i, std::min(block, input.size() - i));
        output.insert(output.end(), part.begin(), part.end());
    }
    const auto rest = resampler.flush();
    output.insert(output.end(), rest.begin(), rest.end());
    return output;
}

// Largest difference to the same sine at the new rate, away from the ends.
double worst_error(double frequency, int from, int to) {
    const auto output = resampled(sine(frequency, from, static_cast<size_t>(from)), from, to, 4096);
    const auto expected = sine(frequency, to, output.size());
    double worst = 0;
    for (size_t i = output.size() / 4; i < output.size() * 3 / 4; ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(output[i]) - expected[i]));
    }
    return worst;
}

double peak(double frequency, int from, int to) {
    const auto output = resampled(sine(frequency, from, static_cast<size_t>(from)), from, to, 4096);
    double highest = 0;
    for (size_t i = output.size() / 4; i < output.size() * 3 / 4; ++i)
        highest = std::max(highest, std::abs(static_cast<double>(output[i])));
    return highest;
}

}  // namespace

TEST_CASE("tones of the pass band keep their level and phase") {
    for (const int rate : {8000, 11025, 22050, 44100, 48000, 96000, 15999, 44056}) {
        for (const double frequency : {100.0, 1000.0, 3000.0, 3600.0}) {
            CAPTURE(rate);
            CAPTURE(frequency);
            CHECK(worst_error(frequency, rate, 16000) < 1e-3);
        }
    }
    CHECK(worst_error(7200, 48000, 16000) < 1e-3);
}

TEST_CASE("tones above the new Nyquist frequency are gone") {
    for (const double frequency : {8100.0, 9000.0, 12000.0, 15000.0}) {
        CAPTURE(frequency);
        CHECK(peak(frequency, 48000, 16000) < 1e-4);  // -80 dB
        CHECK(peak(frequency, 44100, 16000) < 1e-4);
    }
}

TEST_CASE("the number of samples is exact, whatever the blocks") {
    for (const int rate : {8000, 11025, 16000, 44100, 48000, 192000, 767999}) {
        for (const size_t count : {0, 1, 2, 159, 4410, 50001}) {
            const auto input = sine(440, rate, count);
            const auto whole = resampled(input, rate, 16000, 1 << 20);
            CAPTURE(rate);
            CAPTURE(count);
            CHECK(whole.size() == static_cast<size_t>(std::llround(static_cast<double>(count) * 16000 / rate)));
            if (count < 5000) CHECK(whole == resampled(input, rate, 16000, 7));
        }
    }
}

TEST_CASE("absurd rates are refused") {
    CHECK_THROWS_AS(agora::Resampler(0, 16000), agora::Error);
    CHECK_THROWS_AS(agora::Resampler(16000, -1), agora::Error);
    CHECK_THROWS_AS(agora::Resampler(2000000000, 16000), agora::Error);
}
