// The encoder from spectrograms, [3000, bands, windows], to the output of its last layer norm, [D, windows · 1500].
#pragma once

#include "engine/encoder/encoder.h"

namespace agora {

// On ggml's operations.
ggml_tensor* portable_encoder(ggml_context* context, const EncoderWeights& weights, const EncoderShape& shape,
                              ggml_tensor* mel);

// On the CPU kernels, one window. `nodes` and `weights` must outlive the graph.
ggml_tensor* packed_encoder(ggml_context* context, KernelNodes& nodes, const PackedEncoderWeights& weights,
                            const EncoderShape& shape, const Precision& precision, const float* position,
                            ggml_tensor* mel);

}  // namespace agora
