#include "engine/audio/steady_sound.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

namespace {

constexpr double kPi = 3.14159265358979;

// `seconds` of sound, by the time of each sample.
template <typename Sample>
std::vector<float> sound(double seconds, Sample sample) {
    std::vector<float> samples(static_cast<size_t>(seconds * 16000));
    for (size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<float>(sample(static_cast<double>(i) / 16000));
    return samples;
}

template <typename Sample>
bool is_steady(double seconds, Sample sample) {
    const std::vector<float> samples = sound(seconds, sample);
    return agora::is_steady_sound(samples.data(), samples.size());
}

template <typename Sample>
bool rise_and_fall(double seconds, Sample sample) {
    const std::vector<float> samples = sound(seconds, sample);
    return agora::rises_and_falls(samples.data(), samples.size());
}

double dial_tone(double t) {
    return 0.1 * (std::sin(2 * kPi * 350 * t) + std::sin(2 * kPi * 440 * t));
}

}  // namespace

TEST_CASE("syllables rise and fall, with breaks too; noise and tones do not") {
    std::mt19937 generator(1);
    std::normal_distribution<double> normal(0, 0.1);
    CHECK(rise_and_fall(5, [&](double t) { return normal(generator) * (1 + 0.9 * std::sin(2 * kPi * 4 * t)); }));
    CHECK(rise_and_fall(5, [&](double t) {
        return std::fmod(t, 2) < 1 ? 0 : normal(generator) * (1 + 0.9 * std::sin(2 * kPi * 4 * t));
    }));
    CHECK_FALSE(rise_and_fall(5, [&](double) { return normal(generator); }));
    CHECK_FALSE(rise_and_fall(5, [&](double t) { return std::fmod(t, 1) < 0.5 ? dial_tone(t) : 0; }));
    double pink = 0;
    CHECK_FALSE(rise_and_fall(5, [&](double) { return pink = 0.95 * pink + normal(generator); }));
}

TEST_CASE("tones of machines are steady, with breaks too; what rises and falls like syllables is not") {
    CHECK(is_steady(5, dial_tone));
    CHECK(is_steady(5, [](double t) { return std::fmod(t, 1) < 0.5 ? dial_tone(t) : 0; }));
    std::mt19937 random(3);
    std::uniform_real_distribution<double> noise(-0.1, 0.1);
    CHECK_FALSE(is_steady(5, [&](double t) { return noise(random) * (1 + 0.8 * std::sin(2 * kPi * 4 * t)); }));
    // Half as loud as the noise around it.
    CHECK_FALSE(
        is_steady(5, [&](double t) { return noise(random) + 0.7 * noise(random) * (1 + std::sin(2 * kPi * 4 * t)); }));
    // A voice 8 dB below hiss: only where voices are does the sound rise and fall.
    CHECK_FALSE(is_steady(5, [&](double t) {
        return noise(random) + 0.0265 * std::sin(2 * kPi * 200 * t) * (1 + std::sin(2 * kPi * 4 * t));
    }));
    CHECK(is_steady(5, [&](double) { return noise(random); }));
    CHECK_FALSE(is_steady(0.9, dial_tone));
    CHECK_FALSE(agora::is_steady_sound(nullptr, 0));
}
