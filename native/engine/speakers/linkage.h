// Agglomerative clustering of vectors, in memory that grows with their number only.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/speakers/stop.h"

namespace agora {

// How far two clusters are from each other. Both follow from the clusters' sums alone, so that no matrix of distances
// is needed: that of an hour has 26 million.
enum class Linkage {
    Centroid,       // Euclidean distance of the means
    AverageCosine,  // 1 - mean cosine of all pairs; the vectors are of unit length
};

struct Merge {
    int a, b;         // 0 … n - 1: vectors; n + i: the cluster that merge i made
    double distance;  // may fall from merge to merge with Centroid
};

// The n - 1 merges of `count` vectors of `size` values, nearest first; of equal distances that of the lowest indices.
// Takes time that grows with the square of `count`; throws Cancelled. Source of the method: Müllner, 2011, Modern
// hierarchical, agglomerative clustering algorithms, "generic".
std::vector<Merge> agglomerate(const std::vector<float>& vectors, int count, int size, Linkage linkage,
                               Stop stop = nullptr);

// Labels from 0, by first member: from the root down, a subtree is one cluster when none of its merges is above
// `threshold` (scipy's fcluster with the criterion "distance").
std::vector<int> cut_at(const std::vector<Merge>& merges, int count, double threshold);

// Labels of exactly `clusters` clusters, at most `count`: the last merges are undone.
std::vector<int> cut_into(const std::vector<Merge>& merges, int count, int clusters);

}  // namespace agora
