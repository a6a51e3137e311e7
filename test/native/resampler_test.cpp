#include "engine/audio/resampler.h"

#include <doctest/doctest.h>

#include <cmath>

#include "engine/audio/sinc_table.h"
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
    for (const auto& [from, to] : std::vector<std::pair<int, int>>{{0, 16000},
                                                                   {16000, -1},
                                                                   {2000000000, 16000},
                                                                   {1000001, 16000},
                                                                   {62, 16000},
                                                                   {1000000, 3000},
                                                                   {1, 1000000}}) {
        CAPTURE(from);
        agora::ErrorCode code = agora::ErrorCode::Internal;
        try {
            const agora::Resampler resampler(from, to);
        } catch (const agora::Error& error) {
            code = error.code();
        }
        CHECK(code == agora::ErrorCode::InvalidArgument);
    }
}

TEST_CASE("a table is small whatever the rates, and its resamplers keep their quality") {
    for (const int rate :
         {63, 1000, 8000, 11025, 44056, 44100, 48000, 192000, 384001, 767999, 768000, 999983, 1000000}) {
        CAPTURE(rate);
        CHECK(agora::SincTable::of(rate, 16000)->bytes() <= 600000);
    }
    for (const int rate : {99991, 384001, 767999}) {
        CAPTURE(rate);
        CHECK(worst_error(1000, rate, 16000) < 1e-4);
        CHECK(worst_error(7000, rate, 16000) < 1e-4);
        CHECK(peak(9000, rate, 16000) < 1e-4);
    }
}

TEST_CASE("channels of one rate share a table") {
    const auto table = agora::SincTable::of(44101, 16000);
    CHECK((agora::SincTable::of(44101, 16000) == table));
    CHECK((agora::SincTable::of(88202, 32000) == table));
    CHECK((agora::SincTable::of(44103, 16000) != table));
}

TEST_CASE("a flush gives the rest once, and nothing follows it") {
    for (const int rate : {8000, 44100, 767999}) {
        CAPTURE(rate);
        agora::Resampler resampler(rate, 16000);
        const auto input = sine(440, rate, 5000);
        resampler.process(input.data(), input.size());
        CHECK_FALSE(resampler.flush().empty());
        for (int again = 0; again < 3; ++again) CHECK(resampler.flush().empty());
        CHECK_THROWS_AS(resampler.process(input.data(), input.size()), agora::Error);
    }
}
