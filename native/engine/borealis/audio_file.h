// The audio side's file: Whisper's encoder and the adapter, as llama.cpp's multimodal files with the projector `glma`
// have them. Source: llama.cpp, tools/mtmd/clip.cpp.
#pragma once

#include "engine/borealis/language_file.h"

namespace agora {

struct AudioFile {
    int mels, width, heads, layers, feed_forward;
    int stacked;              // frames of the encoder that make one row
    int output_width;         // of a row, the language model's width
    std::string weight_type;  // of the matrices
    std::vector<TensorEntry> tensors;
    uint64_t bytes;

    static constexpr int kFrames = 1500;
    int rows() const { return kFrames / stacked; }
};

// On return the file is known to hold exactly the tensors that its settings ask for.
// Throws ModelNotFound, ModelInvalid.
AudioFile read_audio_file(const std::string& path);

// Throws ModelInvalid where the language model does not take the audio side's rows.
void check_match(const AudioFile& audio, const std::string& audio_path, const LanguageFile& language,
                 const std::string& language_path);

}  // namespace agora
