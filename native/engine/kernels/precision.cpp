#include "engine/kernels/precision.h"

namespace agora {

Precision choose_precision(ComputeType type, bool quantised, const KernelSet& kernels) {
    const bool has_bf16 = kernels.multiplies(Arithmetic::BF16);
    const Arithmetic short_floats = has_bf16 ? Arithmetic::BF16 : Arithmetic::F32;
    if (type == ComputeType::Auto) {
        type = quantised ? ComputeType::Int8 : has_bf16 ? ComputeType::BF16 : ComputeType::F16;
    }
    const Storage convolutions = has_bf16 ? Storage::BF16 : Storage::F16;
    constexpr Arithmetic F32 = Arithmetic::F32;
    switch (type) {
        case ComputeType::F32:
            return {type, Storage::F32, Storage::F32, F32, F32, F32, Storage::F32};
        case ComputeType::F16:
            return {type, Storage::F16, Storage::F16, F32, F32, F32, Storage::F16};
        case ComputeType::BF16:
            return {type, Storage::BF16, convolutions, short_floats, short_floats, short_floats, Storage::F16};
        case ComputeType::Int8F16:
            return {type, Storage::Int8, Storage::F16, F32, F32, F32, Storage::Int8};
        case ComputeType::Int8BF16:
            return {type, Storage::Int8, convolutions, short_floats, short_floats, short_floats, Storage::Int8};
        case ComputeType::Int8:
        case ComputeType::Auto:
            break;
    }
    // Where tiles multiply bfloat16, they are faster than vectors of bytes, as soon as there are many rows.
    const bool tiles = kernels.bf16.rows > 16;
    const Arithmetic attention = has_bf16 ? Arithmetic::BF16 : kernels.sums_bytes ? Arithmetic::Int8 : F32;
    return {ComputeType::Int8, Storage::Int8, convolutions,  tiles ? Arithmetic::BF16 : Arithmetic::Int8,
            Arithmetic::Int8,  attention,     Storage::Int8, kernels.int8_by_256.rows > 16};
}

}  // namespace agora
