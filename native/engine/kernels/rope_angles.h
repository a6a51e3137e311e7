#pragma once

#include <cstddef>
#include <vector>

namespace agora {

// By what the pairs of a head are turned at each position: position · base^(-i / half) for pair i of `half`, as the
// reference implementation rounds it. Source: Su et al., 2021, RoFormer; transformers, modeling_rope_utils.
class RopeAngles {
  public:
    RopeAngles(float base, int half, int positions);

    int half() const { return static_cast<int>(half_); }
    // Of a position, [half].
    const float* cosines(int position) const { return cosines_.data() + static_cast<size_t>(position) * half_; }
    const float* sines(int position) const { return sines_.data() + static_cast<size_t>(position) * half_; }

  private:
    size_t half_;
    std::vector<float> cosines_, sines_;  // [positions][half]
};

}  // namespace agora
