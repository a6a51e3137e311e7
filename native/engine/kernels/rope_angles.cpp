#include "engine/kernels/rope_angles.h"

#include <cmath>

namespace agora {

RopeAngles::RopeAngles(float base, int half, int positions) : half_(static_cast<size_t>(half)) {
    for (int position = 0; position < positions; ++position) {
        for (int i = 0; i < half; ++i) {
            const auto frequency =
                static_cast<float>(1 / std::pow(static_cast<double>(base), static_cast<double>(i) / half));
            const double angle = static_cast<float>(position) * frequency;
            cosines_.push_back(static_cast<float>(std::cos(angle)));
            sines_.push_back(static_cast<float>(std::sin(angle)));
        }
    }
}

}  // namespace agora
