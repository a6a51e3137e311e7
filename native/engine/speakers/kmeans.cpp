#include "engine/speakers/kmeans.h"

#include <algorithm>
#include <limits>
#include <random>

namespace agora {
namespace {

constexpr int kRestarts = 3;
constexpr int kMostRounds = 300;
constexpr unsigned kSeed = 42;

struct Points {
    const std::vector<float>& values;
    size_t count, size;

    double distance(size_t point, const double* centre) const {
        double sum = 0;
        for (size_t k = 0; k < size; ++k) {
            const double difference = static_cast<double>(values[point * size + k]) - centre[k];
            sum += difference * difference;
        }
        return sum;
    }
};

// Centres, each chosen with a probability that grows with its distance from those before.
std::vector<double> spread(const Points& points, size_t clusters, std::mt19937& random, Stop stop) {
    std::vector<double> centres;
    std::vector<double> nearest(points.count, std::numeric_limits<double>::infinity());
    size_t chosen = random() % points.count;
    for (size_t c = 0; c < clusters; ++c) {
        check_stop(stop);
        const auto begin = points.values.begin() + static_cast<std::ptrdiff_t>(chosen * points.size);
        centres.insert(centres.end(), begin, begin + static_cast<std::ptrdiff_t>(points.size));
        double total = 0;
        for (size_t i = 0; i < points.count; ++i) {
            nearest[i] = std::min(nearest[i], points.distance(i, &centres[c * points.size]));
            total += nearest[i];
        }
        double rest = total * (static_cast<double>(random()) / 4294967296.0);
        for (chosen = 0; chosen + 1 < points.count && rest >= nearest[chosen]; ++chosen) rest -= nearest[chosen];
    }
    return centres;
}

}  // namespace

std::vector<int> kmeans(const std::vector<float>& vectors, int count, int size, int clusters, Stop stop) {
    const Points points{vectors, static_cast<size_t>(count), static_cast<size_t>(size)};
    const auto number = static_cast<size_t>(clusters);
    std::mt19937 random(kSeed);
    std::vector<int> best;
    double least = std::numeric_limits<double>::infinity();
    for (int restart = 0; restart < kRestarts; ++restart) {
        std::vector<double> centres = spread(points, number, random, stop);
        std::vector<int> labels(points.count, -1);
        std::vector<double> distances(points.count);
        for (int round = 0; round < kMostRounds; ++round) {
            check_stop(stop);
            bool moved = false;
            for (size_t i = 0; i < points.count; ++i) {
                int label = 0;
                distances[i] = std::numeric_limits<double>::infinity();
                for (size_t c = 0; c < number; ++c) {
                    const double distance = points.distance(i, &centres[c * points.size]);
                    if (distance >= distances[i]) continue;
                    distances[i] = distance;
                    label = static_cast<int>(c);
                }
                moved = moved || labels[i] != label;
                labels[i] = label;
            }
            if (!moved) break;
            std::vector<double> members(number, 0.0);
            std::fill(centres.begin(), centres.end(), 0.0);
            for (size_t i = 0; i < points.count; ++i) {
                const auto c = static_cast<size_t>(labels[i]);
                members[c] += 1;
                for (size_t k = 0; k < points.size; ++k)
                    centres[c * points.size + k] += static_cast<double>(vectors[i * points.size + k]);
            }
            for (size_t c = 0; c < number; ++c) {
                if (members[c] > 0) {
                    for (size_t k = 0; k < points.size; ++k) centres[c * points.size + k] /= members[c];
                    continue;
                }
                // An empty cluster takes the point that is worst off.
                const auto worst =
                    static_cast<size_t>(std::max_element(distances.begin(), distances.end()) - distances.begin());
                distances[worst] = 0;
                for (size_t k = 0; k < points.size; ++k)
                    centres[c * points.size + k] = static_cast<double>(vectors[worst * points.size + k]);
            }
        }
        double sum = 0;
        for (const double distance : distances) sum += distance;
        if (sum >= least) continue;
        least = sum;
        best = labels;
    }
    std::vector<int> names(number, -1);
    int next = 0;
    for (int& label : best) {
        int& name = names[static_cast<size_t>(label)];
        if (name < 0) name = next++;
        label = name;
    }
    return best;
}

}  // namespace agora
