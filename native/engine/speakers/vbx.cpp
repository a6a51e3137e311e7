#include "engine/speakers/vbx.h"

#include <algorithm>
#include <cmath>

namespace agora {
namespace {

constexpr double kTwoPi = 6.28318530717958647692;

// Turns a row of logarithms into shares; returns the logarithm of their sum.
double softmax(double* row, size_t count) {
    const double most = *std::max_element(row, row + count);
    double sum = 0;
    for (size_t i = 0; i < count; ++i) sum += std::exp(row[i] - most);
    const double total = most + std::log(sum);
    for (size_t i = 0; i < count; ++i) row[i] = std::exp(row[i] - total);
    return total;
}

}  // namespace

VbxResult cluster_vbx(const std::vector<double>& features, const std::vector<double>& phi,
                      const std::vector<int>& labels, Stop stop, const VbxOptions& options) {
    const size_t count = labels.size();
    const size_t size = phi.size();
    const auto speakers = static_cast<size_t>(labels.empty() ? 0 : *std::max_element(labels.begin(), labels.end()) + 1);
    VbxResult result{static_cast<int>(speakers),
                     std::vector<double>(count * speakers, 0.0),
                     std::vector<double>(speakers, 1.0 / static_cast<double>(std::max<size_t>(speakers, 1))),
                     {}};
    if (count == 0) return result;
    std::vector<double>& gamma = result.gamma;
    for (size_t t = 0; t < count; ++t) {
        gamma[t * speakers + static_cast<size_t>(labels[t])] = options.smoothing;
        softmax(&gamma[t * speakers], speakers);
    }
    std::vector<double> rho(count * size), g(count);
    for (size_t t = 0; t < count; ++t) {
        double square = 0;
        for (size_t d = 0; d < size; ++d) {
            const double x = features[t * size + d];
            square += x * x;
            rho[t * size + d] = x * std::sqrt(phi[d]);
        }
        g[t] = -0.5 * (square + static_cast<double>(size) * std::log(kTwoPi));
    }
    const double ratio = options.fa / options.fb * options.weight;
    std::vector<double> inverse(speakers * size), alpha(speakers * size), constant(speakers);
    for (int round = 0; round < options.rounds; ++round) {
        double regular = 0;
        for (size_t s = 0; s < speakers; ++s) {
            check_stop(stop);
            double members = 0;
            double* mean = &alpha[s * size];
            std::fill_n(mean, size, 0.0);
            for (size_t t = 0; t < count; ++t) {
                const double share = gamma[t * speakers + s];
                members += share;
                for (size_t d = 0; d < size; ++d) mean[d] += share * rho[t * size + d];
            }
            constant[s] = 0;
            for (size_t d = 0; d < size; ++d) {
                double& inv = inverse[s * size + d];
                inv = 1 / (1 + ratio * members * phi[d]);
                mean[d] *= ratio * inv;
                const double second = inv + mean[d] * mean[d];
                constant[s] += second * phi[d];
                regular += std::log(inv) - second + 1;
            }
        }
        double elbo = options.fb / 2 * regular;
        for (size_t t = 0; t < count; ++t) {
            if (t % 256 == 0) check_stop(stop);
            double* row = &gamma[t * speakers];
            for (size_t s = 0; s < speakers; ++s) {
                double product = 0;
                for (size_t d = 0; d < size; ++d) product += rho[t * size + d] * alpha[s * size + d];
                row[s] = options.fa * (product - 0.5 * constant[s] + g[t]) + std::log(result.pi[s] + 1e-8);
            }
            elbo += options.weight * softmax(row, speakers);
        }
        double all = 0;
        for (size_t s = 0; s < speakers; ++s) {
            double sum = 0;
            for (size_t t = 0; t < count; ++t) sum += gamma[t * speakers + s];
            result.pi[s] = sum;
            all += sum;
        }
        for (double& share : result.pi) share /= all;
        const bool done = round > 0 && elbo - result.elbo.back() < options.least_gain;
        result.elbo.push_back(elbo);
        if (done) break;
    }
    return result;
}

}  // namespace agora
