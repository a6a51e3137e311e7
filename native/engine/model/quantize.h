// Rewrites a Whisper model with smaller weights.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace agora {

// "q4_0", "q5_0", "q5_1", "q8_0", …
const std::vector<std::string>& quantize_types();

// Blocks of `values`, a multiple of the type's block (256 for the K types), each by itself as ggml_quantize_chunk makes
// them without an importance matrix. Throws InvalidArgument.
std::vector<uint8_t> quantize_values(const std::string& type, const std::vector<float>& values);

// Writes `source` (f32 or f16) to `destination` with its matrices in `type`, as whisper.cpp's quantize tool does:
// positional embeddings, convolutions and vectors keep their type, but for convolutions in f32, which become f16: the
// format has no others beside quantised matrices. The destination appears whole or not at all.
// `progress` is called with the fraction done, 0 to 1, from the calling thread.
// Throws InvalidArgument, ModelNotFound, ModelInvalid, Cancelled, Internal (disk full).
void quantize_whisper_file(const std::string& source, const std::string& destination, const std::string& type,
                           const std::atomic<bool>& cancelled, const std::function<void(double)>& progress);

}  // namespace agora
