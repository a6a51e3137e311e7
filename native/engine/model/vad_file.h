// Silero VAD models in whisper.cpp's format, validated before whisper.cpp reads them.
#pragma once

#include <string>

namespace agora {

struct VadFile {
    std::string version;  // "6.2.0"
    int frame_samples;    // 512 at 16 kHz
};

// Throws ModelNotFound, ModelInvalid.
VadFile read_vad_file(const std::string& path);

}  // namespace agora
