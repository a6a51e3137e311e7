// A Whisper model's weights in the memory of one backend.
#pragma once

#include <ggml-backend.h>
#include <ggml-cpp.h>

#include <string>
#include <vector>

#include "engine/model/whisper_file.h"

namespace agora {

// A dense layer; `bias` is null where the model has none. weight: [in, out].
struct Linear {
    ggml_tensor* weight;
    ggml_tensor* bias;
};

struct LayerNorm {
    ggml_tensor* weight;
    ggml_tensor* bias;
};

struct Attention {
    LayerNorm norm;
    Linear query, key, value, out;
};

struct Block {
    Attention self;
    Attention cross;  // decoder only
    LayerNorm mlp_norm;
    Linear up, down;
};

// Shapes are ggml's, innermost first: D width, M mel bands, T = 1500 frames, V vocabulary, C text context.
struct EncoderWeights {
    ggml_tensor* position;  // [D, T]
    Linear conv1;           // [3, M, D]
    Linear conv2;           // [3, D, D]
    LayerNorm norm;
    std::vector<Block> blocks;
};

struct DecoderWeights {
    ggml_tensor* position;   // [D, C]
    ggml_tensor* embedding;  // [D, V], input and output
    LayerNorm norm;
    std::vector<Block> blocks;
};

class WhisperWeights {
  public:
    // Reads the tensors of a validated file into buffers of `device`. Matrices go to the layout that the device's
    // kernels like best. Throws ModelInvalid, OutOfMemory.
    WhisperWeights(const std::string& path, const WhisperFile& file, ggml_backend_dev_t device);

    EncoderWeights encoder;
    DecoderWeights decoder;

  private:
    std::vector<ggml_context_ptr> contexts_;
    std::vector<ggml_backend_buffer_ptr> buffers_;
};

}  // namespace agora
