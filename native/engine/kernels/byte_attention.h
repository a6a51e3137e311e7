// The encoder's attention with both of its products in bytes.
#pragma once

#include "engine/kernels/encoder_attention.h"

namespace agora {

// The part of `thread` of attend_all() where the arithmetic is Int8PerRow. Queries and keys have one scale for their 64
// values, shares and values one for each 64 frames.
void attend_in_bytes(const KernelSet& kernels, const EncoderAttention& attention, int thread, int threads);

}  // namespace agora
