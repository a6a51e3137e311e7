// The matrices of Nemotron-3-Diarization as products read them.
#pragma once

#include <vector>

#include "engine/device/parallel.h"
#include "engine/kernels/graph.h"
#include "engine/kernels/precision.h"
#include "engine/speakers/nemotron/nemotron_file.h"

namespace agora {

struct NemotronLayer {
    PackedNorm attention_norm;
    PackedLinear query_key_value, out;
    PackedNorm feed_forward_norm;
    PackedLinear up, down;
};

struct NemotronWeights {
    // Reads the file that `file` tells of. Throws ModelInvalid where values are no numbers, OutOfMemory.
    NemotronWeights(const NemotronFile& file, const Precision& precision, Parallel& parallel);

    PackedLinear stack;  // 8 frames of it to one of the encoder
    PackedNorm embed_norm;
    std::vector<NemotronLayer> layers;
    PackedNorm final_norm;
    // The head, in single precision: it is small, and decides.
    PackedLinear projection;
    PackedLinear upsample;  // three frames, one behind the other, to 8 of 10 ms
    PackedLinear dense;
    PackedLinear classifier;
    std::vector<float> silence;  // what stands in the speaker cache for nobody
};

}  // namespace agora
