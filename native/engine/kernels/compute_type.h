// Precision that a model's matrices are kept and multiplied in.
#pragma once

#include <optional>
#include <string>

namespace agora {

enum class ComputeType {
    Auto,      // what this machine computes fastest without loss of accuracy
    F32,       // weights and activations in single precision
    F16,       // in half precision
    BF16,      // in bfloat16
    Int8,      // 8-bit weights, the backend's own activations
    Int8F16,   // 8-bit weights, half-precision activations
    Int8BF16,  // 8-bit weights, bfloat16 activations
};

// "auto", "float32", "float16", "bfloat16", "int8", "int8_float16" and "int8_bfloat16"; "f32", "f16" and "bf16" for
// short. Nothing for any other text.
std::optional<ComputeType> parse_compute_type(const std::string& name);

// The long name.
const char* compute_type_name(ComputeType type);

}  // namespace agora
