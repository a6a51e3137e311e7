#include "engine/kernels/compute_type.h"

#include <map>

namespace agora {

std::optional<ComputeType> parse_compute_type(const std::string& name) {
    static const std::map<std::string, ComputeType> types = {{"auto", ComputeType::Auto},
                                                             {"float32", ComputeType::F32},
                                                             {"f32", ComputeType::F32},
                                                             {"float16", ComputeType::F16},
                                                             {"f16", ComputeType::F16},
                                                             {"bfloat16", ComputeType::BF16},
                                                             {"bf16", ComputeType::BF16},
                                                             {"int8", ComputeType::Int8},
                                                             {"int8_float16", ComputeType::Int8F16},
                                                             {"int8_bfloat16", ComputeType::Int8BF16}};
    const auto found = types.find(name);
    return found == types.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace agora
