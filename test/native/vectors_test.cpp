#include <doctest/doctest.h>
#include <ggml.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "engine/decoder/attention.h"
#include "engine/kernels/number_formats.h"
#include "engine/text/softmax.h"
#include "numbers.h"

TEST_CASE("attention is the same on every instruction set") {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (const int count : {1, 2, 7, 16, 17, 448, 1500}) {
        std::vector<float> query(64), rows(64 * static_cast<size_t>(count)), scratch(static_cast<size_t>(count));
        for (auto& x : query) x = 3 * normal(random);
        const auto check = [&](auto value) {
            std::vector<decltype(value)> keys(rows.size()), values(rows.size());
            for (auto& x : rows) x = normal(random);
            agora::narrow(rows.data(), static_cast<int>(rows.size()), keys.data());
            for (auto& x : rows) x = normal(random);
            agora::narrow(rows.data(), static_cast<int>(rows.size()), values.data());
            std::vector<float> fast(64), plain(64);
            agora::attend(query.data(), keys.data(), values.data(), count, scratch.data(), fast.data());
            agora::attend_plain(query.data(), keys.data(), values.data(), count, scratch.data(), plain.data());
            CHECK(relative_error(fast, plain) < 1e-5);
        };
        check(agora::Half{});
        check(float{});
    }
}

TEST_CASE("values in half precision are ggml's, whatever their number") {
    std::mt19937 random(3);
    std::normal_distribution<float> normal(0, 100);
    std::vector<float> values = {0.0f, -0.0f, 1e-7f, -3e-6f, 65504.0f, 65519.0f, 65520.0f, 1.0f + 0x1p-11f, 3e38f};
    while (values.size() < 100) values.push_back(normal(random));
    for (int count = 0; count <= 100; ++count) {
        std::vector<agora::Half> actual(101, 7), expected(101, 7);
        agora::narrow(values.data(), count, actual.data());
        ggml_fp32_to_fp16_row(values.data(), expected.data(), count);
        CHECK(actual == expected);
    }
}

TEST_CASE("sums over logits are the same on every instruction set") {
    std::mt19937 random(2);
    std::normal_distribution<float> normal(0, 8);
    for (const size_t count : {1, 7, 16, 99, 1501, 51865}) {
        std::vector<float> logits(count);
        for (auto& x : logits) x = random() % 4 == 0 ? -INFINITY : normal(random);
        logits[count / 2] = 1;
        const float expected = agora::log_sum_exp_plain(logits.data(), logits.data() + count);
        CHECK(agora::log_sum_exp(logits.data(), logits.data() + count) == doctest::Approx(expected).epsilon(1e-5));
        CHECK(agora::highest(logits.data(), logits.data() + count) == *std::max_element(logits.begin(), logits.end()));
    }
    const std::vector<float> nothing(20, -INFINITY);
    CHECK(agora::log_sum_exp(nothing.data(), nothing.data() + 20) == -INFINITY);
}

TEST_CASE("the largest values are found in order, of equal ones the first") {
    for (const size_t count : {size_t{3}, size_t{255}, size_t{257}, size_t{5000}}) {
        auto values = normal_values(count, static_cast<unsigned>(count));
        for (float& value : values) value = std::round(value * 4);  // many are equal
        std::vector<int> expected(count);
        for (size_t i = 0; i < count; ++i) expected[i] = static_cast<int>(i);
        std::stable_sort(expected.begin(), expected.end(),
                         [&](int a, int b) { return values[static_cast<size_t>(a)] > values[static_cast<size_t>(b)]; });
        expected.resize(std::min<size_t>(count, 6));
        CHECK(agora::highest_ones(values.data(), count, 6) == expected);
    }
    const std::vector<float> nothing(300, -INFINITY);
    CHECK(agora::highest_ones(nothing.data(), nothing.size(), 2) == std::vector<int>{0, 1});
}
