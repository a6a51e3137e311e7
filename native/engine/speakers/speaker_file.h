// Model files of the community pipeline: segmentation, a speaker encoder and, where it fits the encoder, a PLDA, as one
// GGUF file that `models convert` writes. Names of tensors are the publishers' own behind "seg.", "emb." and "plda.".
#pragma once

#include <string>
#include <vector>

#include "engine/model/gguf_file.h"

namespace agora {

enum class SpeakerEncoderKind {
    Ge2e,      // Resemblyzer's: 3 LSTM, 256 values
    ResNet34,  // WeSpeaker's
};

struct SpeakerFile {
    std::string path;
    SpeakerEncoderKind encoder;
    int resnet_width;  // channels of the first stage: 32 in the published model
    int embedding;     // values of an embedding
    bool has_plda;
    std::string name;  // general.name, or ""
    uint64_t bytes;
    std::vector<TensorEntry> tensors;
};

// On return the file is known to hold exactly the tensors that its settings ask for.
// Throws ModelNotFound, ModelInvalid.
SpeakerFile read_speaker_file(const std::string& path);

}  // namespace agora
