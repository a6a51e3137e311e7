// What whisper.cpp itself computes, from the source that the engine is built with.
#pragma once

#include <string>
#include <vector>

namespace bench {

struct ReferenceOutputs {
    std::vector<float> encoded;  // [1500][width]
    std::vector<float> logits;   // of the last token
};

// Of the spectrogram `mel`, [bands][3000], and of `tokens` from position 0 on. Flash attention is whisper.cpp's
// default; it adds up in half precision.
ReferenceOutputs reference_outputs(const std::string& path, int threads, bool flash_attention,
                                   const std::vector<float>& mel, const std::vector<int>& tokens);

}  // namespace bench
