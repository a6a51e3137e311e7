// Weights that are no numbers.
#pragma once

#include <string>

#include "engine/model/whisper_file.h"

namespace agora {

// Looks at values of a tensor as they lie in the file, or at the scales of its blocks where it is quantised: one that
// is NaN or infinite spreads through every product and makes all text empty or rubbish. `data`: `bytes` of whole rows.
// Throws ModelInvalid naming the tensor.
void require_finite(const std::string& path, const TensorEntry& tensor, const char* data, size_t bytes);

}  // namespace agora
