// Random values, and how far computed ones are from what they should be.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

// The same for the same seed.
inline std::vector<float> normal_values(size_t count, unsigned seed, float deviation = 1) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, deviation);
    std::vector<float> values(count);
    for (auto& value : values) value = normal(random);
    return values;
}

// |actual - expected| / |expected|
template <typename Expected>
double relative_error(const std::vector<float>& actual, const std::vector<Expected>& expected) {
    REQUIRE(actual.size() == expected.size());
    double difference = 0;
    double norm = 1e-30;
    for (size_t i = 0; i < actual.size(); ++i) {
        difference += std::pow(static_cast<double>(actual[i]) - static_cast<double>(expected[i]), 2);
        norm += std::pow(static_cast<double>(expected[i]), 2);
    }
    return std::sqrt(difference / norm);
}
