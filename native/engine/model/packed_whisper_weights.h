// A Whisper model's weights as the CPU kernels read them.
#pragma once

#include <string>
#include <vector>

#include "engine/kernels/graph.h"
#include "engine/kernels/precision.h"
#include "engine/model/whisper_file.h"
#include "engine/model/whisper_weights.h"
#include "engine/parts.h"

namespace agora {

using PackedBlock = BlockOf<PackedLinear, PackedNorm>;

struct PackedEncoderWeights {
    std::vector<float> position;  // [1500][D]
    PackedLinear conv1, conv2;    // inputs: [3][channels]
    PackedNorm norm;
    std::vector<PackedBlock> blocks;
};

struct PackedDecoderWeights {
    std::vector<float> position;  // [C][D]
    PackedLinear embedding;       // V outputs
    PackedNorm norm;
    std::vector<PackedBlock> blocks;
};

class PackedWhisperWeights {
  public:
    // Reads the tensors of a validated file one by one. `in_parts`: by whom they are packed. Throws ModelInvalid,
    // OutOfMemory.
    PackedWhisperWeights(const std::string& path, const WhisperFile& file, const Precision& precision,
                         const InParts& in_parts = in_one_part);

    PackedEncoderWeights encoder;
    PackedDecoderWeights decoder;
};

// The same from tensors in host memory, for encoders that come from other files.
PackedEncoderWeights pack_encoder(const EncoderWeights& weights, const Precision& precision,
                                  const InParts& in_parts = in_one_part);

}  // namespace agora
