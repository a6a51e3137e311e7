// The language model's weights as the CPU kernels read them.
#pragma once

#include <string>
#include <vector>

#include "engine/borealis/language_file.h"
#include "engine/device/parallel.h"
#include "engine/kernels/graph.h"

namespace agora {

// Matrices of the same input are one matrix, their outputs one after another.
struct PackedLanguageBlock {
    std::vector<float> attention_norm;
    PackedLinear query_key_value;
    std::vector<float> query_norm, key_norm;  // of a head; empty where the architecture has none
    PackedLinear attention_out;
    std::vector<float> feed_forward_norm;
    PackedLinear gate_up;
    PackedLinear down;
};

// 32-bit and 16-bit weights stay what they are, and so does q8_0. Other quantised weights are kept in 8 bits as well:
// they take as much memory as those, and are as accurate as in the file to half a percent of a block's largest.
struct PackedLanguageWeights {
    // Reads a validated file tensor by tensor. Throws ModelInvalid, also where a weight is no number; OutOfMemory.
    PackedLanguageWeights(const std::string& path, const LanguageFile& file, Parallel& parallel);

    std::vector<PackedLanguageBlock> blocks;
    std::vector<float> norm;
    PackedLinear head;
};

}  // namespace agora
