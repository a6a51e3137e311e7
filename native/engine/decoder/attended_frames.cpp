#include "engine/decoder/attended_frames.h"

#include <algorithm>
#include <cmath>

#include "engine/decoder/median_filter.h"
#include "engine/kernels/window_frames.h"

namespace agora {
namespace {

constexpr size_t kFrames = WindowFrames::kAll;
constexpr double kLeastDeviation = 1e-12;

}  // namespace

AttendedFrames::AttendedFrames(size_t heads, int frames)
    : heads_(heads),
      frames_(frames),
      width_(std::min(kFrames, static_cast<size_t>(frames) + kMedianWidth / 2)),
      means_(heads * width_),
      squares_(heads * width_),
      scores_(width_) {}

int AttendedFrames::add(const std::vector<float>& weights, size_t rows, size_t row) {
    ++count_;
    total_.assign(width_, 0.0f);
    for (size_t head = 0; head < heads_; ++head) {
        const float* values = weights.data() + (head * rows + row) * kFrames;
        double* means = means_.data() + head * width_;
        double* squares = squares_.data() + head * width_;
        for (size_t i = 0; i < width_; ++i) {
            const double before = values[i] - means[i];
            means[i] += before / count_;
            const double after = values[i] - means[i];
            squares[i] += before * after;
            const double deviation = std::sqrt(squares[i] / count_);
            scores_[i] = static_cast<float>(after / std::max(deviation, kLeastDeviation));
        }
        median_filter(scores_, copy_);
        for (size_t i = 0; i < width_; ++i) total_[i] += scores_[i];
    }
    const auto first = total_.begin();
    return static_cast<int>(std::max_element(first, first + frames_) - first);
}

}  // namespace agora
