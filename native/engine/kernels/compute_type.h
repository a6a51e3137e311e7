// The precision that a model computes in.
#pragma once

#include <optional>
#include <string>

namespace agora {

// Auto: the fastest that keeps the accuracy of the file on this processor.
enum class ComputeType { Auto, F32, F16, BF16, Int8, Int8F16, Int8BF16 };

// From "auto", "float32" or "f32", "float16" or "f16", "bfloat16" or "bf16", "int8", "int8_float16", "int8_bfloat16".
std::optional<ComputeType> parse_compute_type(const std::string& name);

}  // namespace agora
