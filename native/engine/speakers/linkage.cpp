#include "engine/speakers/linkage.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace agora {
namespace {

// Clusters that are left, as sums of their vectors.
class Clusters {
  public:
    Clusters(const std::vector<float>& vectors, int count, int size, Linkage linkage)
        : size_(static_cast<size_t>(size)),
          linkage_(linkage),
          sums_(vectors.begin(), vectors.begin() + static_cast<std::ptrdiff_t>(count) * size),
          members_(static_cast<size_t>(count), 1.0) {
        for (size_t i = 0; i < members_.size(); ++i) squares_.push_back(dot(i, i));
    }

    double distance(size_t i, size_t j) const {
        const double product = dot(i, j) / (members_[i] * members_[j]);
        if (linkage_ == Linkage::AverageCosine) return 1 - product;
        const double square = squares_[i] / (members_[i] * members_[i]) + squares_[j] / (members_[j] * members_[j]);
        return std::sqrt(std::max(0.0, square - 2 * product));
    }

    // Puts `from` into `into`.
    void merge(size_t into, size_t from) {
        for (size_t k = 0; k < size_; ++k) sums_[into * size_ + k] += sums_[from * size_ + k];
        members_[into] += members_[from];
        squares_[into] = dot(into, into);
    }

  private:
    double dot(size_t i, size_t j) const {
        const double* a = sums_.data() + i * size_;
        const double* b = sums_.data() + j * size_;
        double parts[8] = {};
        size_t k = 0;
        for (; k + 8 <= size_; k += 8) {
            for (size_t lane = 0; lane < 8; ++lane) parts[lane] += a[k + lane] * b[k + lane];
        }
        double sum = std::accumulate(parts, parts + 8, 0.0);
        for (; k < size_; ++k) sum += a[k] * b[k];
        return sum;
    }

    size_t size_;
    Linkage linkage_;
    std::vector<double> sums_, members_, squares_;
};

// Labels by first member.
std::vector<int> numbered(const std::vector<int>& roots) {
    std::vector<int> names(roots.size() * 2, -1);
    std::vector<int> labels;
    int next = 0;
    for (const int root : roots) {
        int& name = names[static_cast<size_t>(root)];
        if (name < 0) name = next++;
        labels.push_back(name);
    }
    return labels;
}

// For each vector the highest subtree that `whole` accepts.
std::vector<int> cut(const std::vector<Merge>& merges, int count, const std::function<bool(int merge)>& whole) {
    std::vector<int> roots(static_cast<size_t>(count));
    // A merge after those that it is made of: backwards, each comes after the one that holds it.
    std::vector<int> owner(static_cast<size_t>(count) + merges.size(), -1);
    for (int i = static_cast<int>(merges.size()) - 1; i >= 0; --i) {
        const int node = count + i;
        int root = owner[static_cast<size_t>(node)];
        if (root < 0 && whole(i)) root = node;
        if (root < 0) continue;
        const Merge& merge = merges[static_cast<size_t>(i)];
        owner[static_cast<size_t>(merge.a)] = root;
        owner[static_cast<size_t>(merge.b)] = root;
    }
    for (size_t i = 0; i < roots.size(); ++i) roots[i] = owner[i] < 0 ? static_cast<int>(i) : owner[i];
    return numbered(roots);
}

}  // namespace

std::vector<Merge> agglomerate(const std::vector<float>& vectors, int count, int size, Linkage linkage, Stop stop) {
    Clusters clusters(vectors, count, size, linkage);
    constexpr double kFar = std::numeric_limits<double>::infinity();
    const auto all = static_cast<size_t>(std::max(count, 0));
    std::vector<size_t> alive(all);  // slots, ascending
    std::iota(alive.begin(), alive.end(), size_t{0});
    std::vector<int> node(all);
    std::iota(node.begin(), node.end(), 0);
    // The nearest of those behind each slot.
    std::vector<size_t> nearest(all, 0);
    std::vector<double> distances(all, kFar);
    const auto look = [&](size_t place) {
        check_stop(stop);
        const size_t slot = alive[place];
        distances[slot] = kFar;
        for (size_t other = place + 1; other < alive.size(); ++other) {
            const double distance = clusters.distance(slot, alive[other]);
            if (distance >= distances[slot]) continue;
            distances[slot] = distance;
            nearest[slot] = alive[other];
        }
    };
    for (size_t place = 0; place < alive.size(); ++place) look(place);

    std::vector<Merge> merges;
    while (alive.size() > 1) {
        size_t first = alive.front();
        for (const size_t slot : alive) {
            if (distances[slot] < distances[first]) first = slot;
        }
        const size_t second = nearest[first];
        merges.push_back({node[first], node[second], distances[first]});
        // The later slot keeps the cluster, so that only those before it have to look at it anew.
        clusters.merge(second, first);
        node[second] = count + static_cast<int>(merges.size()) - 1;
        alive.erase(std::lower_bound(alive.begin(), alive.end(), first));
        for (size_t place = 0; place < alive.size(); ++place) {
            const size_t slot = alive[place];
            const bool lost = slot == second || nearest[slot] == first || nearest[slot] == second;
            if (lost && distances[slot] < kFar) {
                look(place);
            } else if (slot < second) {
                const double distance = clusters.distance(slot, second);
                if (distance >= distances[slot]) continue;
                distances[slot] = distance;
                nearest[slot] = second;
            }
        }
    }
    return merges;
}

std::vector<int> cut_at(const std::vector<Merge>& merges, int count, double threshold) {
    std::vector<double> highest;  // of the subtree of each merge
    for (const Merge& merge : merges) {
        double most = merge.distance;
        for (const int child : {merge.a, merge.b}) {
            if (child >= count) most = std::max(most, highest[static_cast<size_t>(child - count)]);
        }
        highest.push_back(most);
    }
    return cut(merges, count, [&](int merge) { return highest[static_cast<size_t>(merge)] <= threshold; });
}

std::vector<int> cut_into(const std::vector<Merge>& merges, int count, int clusters) {
    return cut(merges, count, [&](int merge) { return merge <= count - 1 - clusters; });
}

}  // namespace agora
