// Silero VAD models in whisper.cpp's format, read and validated before anything else trusts them.
#pragma once

#include <string>
#include <vector>

#include "engine/model/whisper_file.h"

namespace agora {

struct VadFile {
    std::string version;  // "6.2.0"
    int frame_samples;    // 512 at 16 kHz
    std::vector<TensorEntry> tensors;
};

// Reads everything but the tensors' data. On return the file is known to hold exactly the tensors of Silero's network,
// in its shapes and types. Throws ModelNotFound, ModelInvalid.
VadFile read_vad_file(const std::string& path);

}  // namespace agora
