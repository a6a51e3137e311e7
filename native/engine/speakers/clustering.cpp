#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <utility>

#include "engine/speakers/kmeans.h"
#include "engine/speakers/vbx.h"
#include "engine/speakers/voices.h"

namespace agora {
namespace {

using Shape = SegmentationShape;
using Centroids = std::vector<std::vector<double>>;

constexpr unsigned kSeed = 42;
constexpr double kLeastPrior = 1e-7;  // of a speaker that VBx keeps

double dot(const std::vector<double>& a, const std::vector<double>& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// `squares`: the product of the vectors' squared lengths.
double cosine(const std::vector<double>& a, const std::vector<double>& b, double squares) {
    const double lengths = std::sqrt(squares);
    return lengths > 0 ? dot(a, b) / lengths : 0;
}

std::vector<double> squared_lengths(const std::vector<std::vector<double>>& vectors) {
    std::vector<double> squares;
    for (const std::vector<double>& vector : vectors) squares.push_back(dot(vector, vector));
    return squares;
}

// Vectors of `size` values, one after another.
struct Vectors {
    std::vector<float> values;
    size_t size;

    size_t count() const { return values.size() / size; }
    std::vector<double> row(size_t i) const {
        const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i * size);
        return {begin, begin + static_cast<std::ptrdiff_t>(size)};
    }
};

Vectors unit(const Vectors& vectors) {
    Vectors result = vectors;
    for (size_t i = 0; i < vectors.count(); ++i) {
        const std::vector<double> row = vectors.row(i);
        const double length = std::sqrt(dot(row, row));
        for (size_t k = 0; k < vectors.size; ++k)
            result.values[i * vectors.size + k] = static_cast<float>(length > 0 ? row[k] / length : 0);
    }
    return result;
}

// Sums of the rows, each with its weight.
Centroids means(const Vectors& vectors, const std::vector<int>& labels, const std::vector<double>& weights) {
    const int clusters = labels.empty() ? 0 : *std::max_element(labels.begin(), labels.end()) + 1;
    Centroids centroids(static_cast<size_t>(clusters), std::vector<double>(vectors.size, 0.0));
    std::vector<double> totals(centroids.size(), 0.0);
    for (size_t i = 0; i < labels.size(); ++i) {
        const auto label = static_cast<size_t>(labels[i]);
        for (size_t k = 0; k < vectors.size; ++k)
            centroids[label][k] += weights[i] * static_cast<double>(vectors.values[i * vectors.size + k]);
        totals[label] += weights[i];
    }
    for (size_t c = 0; c < centroids.size(); ++c) {
        for (double& value : centroids[c]) value /= std::max(totals[c], 1e-30);
    }
    return centroids;
}

// So many of `all`, one by chance of each of as many stretches: people take turns, and even distances could keep step
// with them. The same for the same numbers.
std::vector<size_t> sample(const std::vector<size_t>& all, int most) {
    const auto wanted = static_cast<size_t>(std::max(most, 1));
    if (all.size() <= wanted) return all;
    std::vector<size_t> some;
    some.reserve(wanted);
    std::mt19937 random(kSeed);
    for (size_t i = 0; i < wanted; ++i) {
        const size_t start = i * all.size() / wanted;
        const size_t end = (i + 1) * all.size() / wanted;
        some.push_back(all[start + random() % (end - start)]);
    }
    return some;
}

// Clusters that are too small join the most similar of the others. Returns the labels that are left, from 0.
std::vector<int> drop_small(const Vectors& vectors, const std::vector<int>& labels, const std::vector<double>& weights,
                            double least) {
    const Centroids centroids = means(vectors, labels, weights);
    const std::vector<double> squares = squared_lengths(centroids);
    std::vector<double> totals(centroids.size(), 0.0);
    for (size_t i = 0; i < labels.size(); ++i) totals[static_cast<size_t>(labels[i])] += weights[i];
    const double all = std::accumulate(totals.begin(), totals.end(), 0.0);
    const auto largest = std::max_element(totals.begin(), totals.end()) - totals.begin();
    const auto stays = [&](size_t c) { return totals[c] >= least * all || static_cast<std::ptrdiff_t>(c) == largest; };
    std::vector<int> names(centroids.size(), -1);
    int next = 0;
    for (size_t c = 0; c < centroids.size(); ++c) {
        if (stays(c)) names[c] = next++;
    }
    for (size_t c = 0; c < centroids.size(); ++c) {
        if (stays(c)) continue;
        double best = -2;
        for (size_t other = 0; other < centroids.size(); ++other) {
            const double similarity = cosine(centroids[c], centroids[other], squares[c] * squares[other]);
            if (!stays(other) || similarity <= best) continue;
            best = similarity;
            names[c] = names[other];
        }
    }
    std::vector<int> result;
    for (const int label : labels) result.push_back(names[static_cast<size_t>(label)]);
    return result;
}

// `weight`: how many voices each of the vectors stands for.
Centroids vbx_centroids(const Vectors& raw, const std::vector<int>& labels, const Plda& plda, double weight,
                        Stop stop) {
    const std::vector<double> features = plda.project(raw.values, static_cast<int>(raw.count()));
    VbxOptions options;
    options.weight = weight;
    const VbxResult result = cluster_vbx(features, plda.psi, labels, stop, options);
    const auto speakers = static_cast<size_t>(result.speakers);
    Centroids centroids;
    for (size_t s = 0; s < speakers; ++s) {
        if (result.pi[s] <= kLeastPrior) continue;
        std::vector<double> mean(raw.size, 0.0);
        double total = 0;
        for (size_t t = 0; t < raw.count(); ++t) {
            const double share = result.gamma[t * speakers + s];
            total += share;
            for (size_t k = 0; k < raw.size; ++k) mean[k] += share * static_cast<double>(raw.values[t * raw.size + k]);
        }
        for (double& value : mean) value /= std::max(total, 1e-30);
        centroids.push_back(std::move(mean));
    }
    return centroids;
}

// The assignment of up to 3 voices to speakers with the greatest sum of scores; -1 where there are fewer speakers. Of
// equal sums the first in order of speakers.
std::vector<int> assign(const std::vector<std::vector<double>>& scores, size_t speakers) {
    // A voice's best three are enough: the others can take two of them at most.
    std::vector<std::vector<int>> options;
    for (const std::vector<double>& row : scores) {
        std::vector<int> order(speakers);
        std::iota(order.begin(), order.end(), 0);
        const size_t kept = std::min(speakers, scores.size());
        std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(),
                          [&](int a, int b) {
                              const double left = row[static_cast<size_t>(a)];
                              const double right = row[static_cast<size_t>(b)];
                              return left != right ? left > right : a < b;
                          });
        order.resize(kept);
        // Left out where speakers are too few.
        if (speakers < scores.size()) order.push_back(-1);
        options.push_back(std::move(order));
    }
    std::vector<int> best, current(scores.size(), -1);
    double most = -std::numeric_limits<double>::infinity();
    const auto search = [&](const auto& self, size_t voice, double sum, size_t given) -> void {
        if (voice == scores.size()) {
            if (given < std::min(speakers, scores.size()) || sum <= most) return;
            most = sum;
            best = current;
            return;
        }
        for (const int option : options[voice]) {
            const auto end = current.begin() + static_cast<std::ptrdiff_t>(voice);
            if (option >= 0 && std::find(current.begin(), end, option) != end) continue;
            current[voice] = option;
            const double score = option < 0 ? 0 : scores[voice][static_cast<size_t>(option)];
            self(self, voice + 1, sum + score, given + (option < 0 ? 0 : 1));
        }
    };
    search(search, 0, 0, 0);
    return best;
}

}  // namespace

int WindowVoices::heard(int k) const {
    return static_cast<int>(
        std::count_if(speakers.begin(), speakers.end(), [k](uint8_t bits) { return (bits >> k & 1) != 0; }));
}

int WindowVoices::alone(int k) const {
    return static_cast<int>(std::count(speakers.begin(), speakers.end(), static_cast<uint8_t>(1 << k)));
}

VoiceClusters cluster_voices(const std::vector<WindowVoices>& windows, const std::vector<float>& embeddings, int size,
                             const ClusteringRules& rules, const Plda* plda, const SpeakerCount& count, Stop stop) {
    const auto width = static_cast<size_t>(size);
    constexpr size_t kVoices = Shape::kSpeakers;
    VoiceClusters result{std::vector<int>(windows.size() * kVoices, -1), {}};
    const auto is_heard = [&](size_t voice) {
        return windows[voice / kVoices].heard(static_cast<int>(voice % kVoices)) > 0;
    };
    const auto vector_of = [&](size_t voice) {
        const auto begin = embeddings.begin() + static_cast<std::ptrdiff_t>(voice * width);
        return std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(width));
    };
    const auto usable = [&](size_t voice) {
        const std::vector<double> vector = vector_of(voice);
        const double square = dot(vector, vector);
        return std::isfinite(square) && square > 0;
    };

    Vectors raw{{}, width};
    std::vector<double> weights;
    std::vector<size_t> long_ones;
    std::vector<std::pair<int, size_t>> short_ones;
    bool any = false;
    const auto alone_for = [&](size_t voice) {
        return windows[voice / kVoices].alone(static_cast<int>(voice % kVoices));
    };
    const auto take = [&](size_t voice, int alone) {
        const auto begin = embeddings.begin() + static_cast<std::ptrdiff_t>(voice * width);
        raw.values.insert(raw.values.end(), begin, begin + static_cast<std::ptrdiff_t>(width));
        weights.push_back(std::max(alone, 1));
    };
    for (size_t voice = 0; voice < result.hard.size(); ++voice) {
        if (!is_heard(voice)) continue;
        any = true;
        if (!usable(voice)) continue;
        const int alone = alone_for(voice);
        if (alone >= rules.least_share * Shape::kFrames) {
            long_ones.push_back(voice);
        } else {
            short_ones.emplace_back(alone, voice);
        }
    }
    if (!any) return result;
    for (const size_t voice : sample(long_ones, rules.most_voices)) take(voice, alone_for(voice));
    // What is too short to be clustered is better than nothing.
    if (weights.empty()) {
        std::stable_sort(short_ones.begin(), short_ones.end(), [](auto a, auto b) { return a.first > b.first; });
        for (size_t i = 0; i < std::min<size_t>(short_ones.size(), 2); ++i)
            take(short_ones[i].second, short_ones[i].first);
    }

    bool exclusive = true;  // two voices of a window are two speakers
    const Vectors vectors = unit(raw);
    if (weights.size() < 2) {
        result.centroids.push_back(weights.empty() ? std::vector<double>(width, 0.0) : raw.row(0));
    } else {
        const int number = static_cast<int>(weights.size());
        std::vector<int> labels =
            cut_at(agglomerate(vectors.values, number, size, rules.linkage, stop), number, rules.threshold);
        if (rules.vbx && plda != nullptr) {
            const double weight = std::max(1.0, static_cast<double>(long_ones.size()) / number);
            result.centroids = vbx_centroids(raw, labels, *plda, weight, stop);
        } else {
            labels = drop_small(vectors, labels, weights, rules.least_cluster);
            result.centroids = means(vectors, labels, weights);
        }
        const int found = static_cast<int>(result.centroids.size());
        const int wanted = count.exactly.value_or(std::clamp(found, count.least, std::max(count.least, count.most)));
        const int possible = std::min(wanted, number);
        if (possible != found) {
            const std::vector<int> exact = kmeans(vectors.values, number, size, possible, stop);
            result.centroids = means(rules.vbx ? raw : vectors, exact, std::vector<double>(weights.size(), 1.0));
            exclusive = !rules.vbx;
        }
    }
    const std::vector<double> squares = squared_lengths(result.centroids);
    for (size_t w = 0; w < windows.size(); ++w) {
        check_stop(stop);
        std::vector<std::vector<double>> scores;
        std::vector<size_t> voices;
        for (size_t voice = w * kVoices; voice < (w + 1) * kVoices; ++voice) {
            if (!is_heard(voice)) continue;
            std::vector<double> row;
            const std::vector<double> vector = vector_of(voice);
            const double square = dot(vector, vector);
            const bool is_usable = std::isfinite(square) && square > 0;
            for (size_t s = 0; s < squares.size(); ++s)
                row.push_back(is_usable ? 1 + cosine(vector, result.centroids[s], square * squares[s]) : 0);
            scores.push_back(std::move(row));
            voices.push_back(voice);
        }
        if (!exclusive) {
            for (size_t i = 0; i < voices.size(); ++i) {
                result.hard[voices[i]] =
                    static_cast<int>(std::max_element(scores[i].begin(), scores[i].end()) - scores[i].begin());
            }
            continue;
        }
        const std::vector<int> given = assign(scores, result.centroids.size());
        for (size_t i = 0; i < voices.size(); ++i) result.hard[voices[i]] = given[i];
    }
    return result;
}

}  // namespace agora
