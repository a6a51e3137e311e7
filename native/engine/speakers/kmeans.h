#pragma once

#include <vector>

#include "engine/speakers/stop.h"

namespace agora {

// Labels of `count` vectors of `size` values in exactly `clusters` clusters, at most `count`; by first member. Lloyd's
// algorithm from starts that are far from each other (Arthur & Vassilvitskii, 2007, k-means++), the best of three;
// the same for the same vectors. Throws Cancelled.
std::vector<int> kmeans(const std::vector<float>& vectors, int count, int size, int clusters, Stop stop = nullptr);

}  // namespace agora
