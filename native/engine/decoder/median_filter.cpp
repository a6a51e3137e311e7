#include "engine/decoder/median_filter.h"

#include <algorithm>

namespace agora {

void median_filter(std::vector<float>& row, std::vector<float>& copy) {
    const int n = static_cast<int>(row.size());
    copy = row;
    const int half = kMedianWidth / 2;
    if (n <= half) return;
    for (int i = 0; i < n; ++i) {
        float window[kMedianWidth];
        for (int k = -half; k <= half; ++k) {
            int j = i + k;
            if (j < 0) j = -j;
            if (j >= n) j = 2 * (n - 1) - j;
            window[k + half] = copy[static_cast<size_t>(j)];
        }
        std::nth_element(window, window + half, window + kMedianWidth);
        row[static_cast<size_t>(i)] = window[half];
    }
}

}  // namespace agora
