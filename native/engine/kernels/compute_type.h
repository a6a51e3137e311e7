// Precision that a model's matrices are kept and multiplied in.
#pragma once

#include <optional>
#include <string>

namespace agora {

enum class ComputeType {
    Auto,      // the fastest on this processor that keeps the accuracy of the file
    F32,       // weights and activations in single precision
    F16,       // weights in half precision
    BF16,      // weights and activations in bfloat16
    Int8,      // weights and activations in 8 bits
    Int8F16,   // 8-bit weights, activations no narrower than half precision
    Int8BF16,  // 8-bit weights, activations in bfloat16
};

// "auto", "float32", "float16", "bfloat16", "int8", "int8_float16" and "int8_bfloat16"; "f32", "f16" and "bf16" for
// short. Nothing for any other text.
std::optional<ComputeType> parse_compute_type(const std::string& name);

// The long name.
const char* compute_type_name(ComputeType type);

}  // namespace agora
