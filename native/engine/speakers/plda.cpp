#include "engine/speakers/plda.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace agora {
namespace {

void scale_to(std::vector<double>& vector, double length) {
    const double square = std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0);
    const double factor = square > 0 ? length / std::sqrt(square) : 0.0;
    for (double& value : vector) value *= factor;
}

}  // namespace

void Plda::sort() {
    const auto size = static_cast<size_t>(features());
    std::vector<size_t> order(size);
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return psi[a] > psi[b]; });
    std::vector<double> rows, values;
    for (const size_t row : order) {
        const auto begin = tr.begin() + static_cast<std::ptrdiff_t>(row * size);
        rows.insert(rows.end(), begin, begin + static_cast<std::ptrdiff_t>(size));
        values.push_back(psi[row]);
    }
    tr = std::move(rows);
    psi = std::move(values);
}

std::vector<double> Plda::project(const std::vector<float>& embeddings, int count) const {
    const auto inputs = static_cast<size_t>(embedding());
    const auto outputs = static_cast<size_t>(features());
    std::vector<double> result;
    for (size_t row = 0; row < static_cast<size_t>(count); ++row) {
        std::vector<double> x(inputs);
        for (size_t i = 0; i < inputs; ++i) x[i] = static_cast<double>(embeddings[row * inputs + i]) - mean1[i];
        scale_to(x, std::sqrt(static_cast<double>(inputs)));
        std::vector<double> y(outputs);
        for (size_t i = 0; i < inputs; ++i) {
            for (size_t k = 0; k < outputs; ++k) y[k] += x[i] * lda[i * outputs + k];
        }
        for (size_t k = 0; k < outputs; ++k) y[k] -= mean2[k];
        scale_to(y, std::sqrt(static_cast<double>(outputs)));
        for (size_t k = 0; k < outputs; ++k) y[k] -= mu[k];
        for (size_t k = 0; k < outputs; ++k) {
            const auto begin = tr.begin() + static_cast<std::ptrdiff_t>(k * outputs);
            result.push_back(std::inner_product(y.begin(), y.end(), begin, 0.0));
        }
    }
    return result;
}

}  // namespace agora
