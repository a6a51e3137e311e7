#include "engine/kernels/compute_type.h"

#include <utility>

namespace agora {
namespace {

// The name of each type comes before its abbreviation.
constexpr std::pair<const char*, ComputeType> kNames[] = {
    {"auto", ComputeType::Auto},
    {"float32", ComputeType::F32},
    {"f32", ComputeType::F32},
    {"float16", ComputeType::F16},
    {"f16", ComputeType::F16},
    {"bfloat16", ComputeType::BF16},
    {"bf16", ComputeType::BF16},
    {"int8", ComputeType::Int8},
    {"int8_float16", ComputeType::Int8F16},
    {"int8_bfloat16", ComputeType::Int8BF16},
};

}  // namespace

std::optional<ComputeType> parse_compute_type(const std::string& name) {
    for (const auto& [known, type] : kNames) {
        if (name == known) return type;
    }
    return std::nullopt;
}

const char* compute_type_name(ComputeType type) {
    for (const auto& [name, known] : kNames) {
        if (type == known) return name;
    }
    return "";
}

}  // namespace agora
