#include "engine/model/finite.h"

#include <ggml.h>

#include <cstring>

#include "engine/error.h"

namespace agora {
namespace {

// Where the blocks of a type have their scales, which are in half precision. Source: ggml, src/ggml-common.h.
struct BlockScales {
    ggml_type type;
    int count;
    size_t offsets[2];
};

constexpr BlockScales kScales[] = {
    {GGML_TYPE_Q4_0, 1, {0, 0}},   {GGML_TYPE_Q4_1, 2, {0, 2}}, {GGML_TYPE_Q5_0, 1, {0, 0}},
    {GGML_TYPE_Q5_1, 2, {0, 2}},   {GGML_TYPE_Q8_0, 1, {0, 0}}, {GGML_TYPE_Q2_K, 2, {80, 82}},
    {GGML_TYPE_Q3_K, 1, {108, 0}}, {GGML_TYPE_Q4_K, 2, {0, 2}}, {GGML_TYPE_Q5_K, 2, {0, 2}},
    {GGML_TYPE_Q6_K, 1, {208, 0}},
};

template <typename Bits>
Bits bits_at(const char* data) {
    Bits bits;
    std::memcpy(&bits, data, sizeof bits);
    return bits;
}

// Whether no number has the highest exponent, `mask`, that of NaN and of infinity. Signed, so that the plainest of
// vector instructions find the largest of several.
template <typename Bits>
bool all_finite(const char* data, size_t bytes, Bits mask) {
    Bits highest = 0;
    for (size_t i = 0; i < bytes / sizeof(Bits); ++i) {
        const auto exponent = static_cast<Bits>(bits_at<Bits>(data + i * sizeof(Bits)) & mask);
        highest = exponent > highest ? exponent : highest;
    }
    return highest != mask;
}

// The same of numbers that lie `step` bytes apart.
template <typename Bits>
bool all_finite(const char* data, size_t bytes, size_t step, Bits mask) {
    bool finite = true;
    for (size_t i = 0; i + sizeof(Bits) <= bytes; i += step) finite &= (bits_at<Bits>(data + i) & mask) != mask;
    return finite;
}

bool is_finite(ggml_type type, const char* data, size_t bytes) {
    switch (type) {
        case GGML_TYPE_F32:
            return all_finite<int32_t>(data, bytes, 0x7F800000);
        case GGML_TYPE_F16:
            return all_finite<int16_t>(data, bytes, 0x7C00);
        case GGML_TYPE_BF16:
            return all_finite<int16_t>(data, bytes, 0x7F80);
        default:
            break;
    }
    for (const BlockScales& scales : kScales) {
        if (scales.type != type) continue;
        for (int i = 0; i < scales.count; ++i) {
            const size_t offset = scales.offsets[i];
            if (!all_finite<uint16_t>(data + offset, bytes - offset, ggml_type_size(type), 0x7C00)) return false;
        }
    }
    return true;
}

}  // namespace

void require_finite(const std::string& path, const TensorEntry& tensor, const char* data, size_t bytes) {
    if (is_finite(static_cast<ggml_type>(tensor.type), data, bytes)) return;
    throw Error(ErrorCode::ModelInvalid,
                "The model file " + path + " is not valid: tensor " + tensor.name + " holds a value that is no number");
}

}  // namespace agora
