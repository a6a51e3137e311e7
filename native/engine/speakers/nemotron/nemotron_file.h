// Model files of Nemotron-3-Diarization: GGUF of the architecture "sortformer", with the names of NVIDIA's own file,
// which `models convert` gives, too.
#pragma once

#include <string>
#include <vector>

#include "engine/model/gguf_file.h"

namespace agora {

struct NemotronShape {
    static constexpr int kBands = 128;     // of the spectrogram
    static constexpr int kSpectrum = 512;  // samples of its Fourier transform
    static constexpr int kHead = 64;       // values of a head of attention
    static constexpr int kStacked = 8;     // frames of 10 ms in one of the encoder's

    int width, heads, feed_forward, layers;
    int head_width;  // of what follows the encoder
    int speakers;
    float rope_base;
};

// How frames are chosen for the speaker cache. The values of the published model.
struct SpeakerCacheRules {
    int rows = 264;
    int silence = 1;          // rows for each speaker
    float threshold = 0.25f;  // below which a probability counts as this
    float newest = 0.05f;     // what is added to the score of rows that are not in the cache yet
    float strong_share = 0.75f;
    float weak_share = 1.5f;
    float positive_share = 0.5f;
};

struct NemotronFile {
    std::string path;
    std::string name;  // general.name, or ""
    uint64_t bytes;
    NemotronShape shape;
    SpeakerCacheRules rules;
    std::string weight_type;  // of the encoder's matrices: "q8_0", "bf16", …
    std::vector<TensorEntry> tensors;
};

// On return the file is known to hold all tensors of its shape; others, of the model's training and of its spectrogram,
// are not read.
// Throws ModelNotFound, ModelInvalid.
NemotronFile read_nemotron_file(const std::string& path);

}  // namespace agora
