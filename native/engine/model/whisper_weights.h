// A Whisper model's weights in the memory of one backend.
#pragma once

#include <ggml.h>

#include <string>
#include <vector>

#include "engine/model/tensor_memory.h"
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

// The layers of "<name>.weight" and "<name>.bias".
Linear read_linear(const TensorMemory& tensors, const std::string& name);
LayerNorm read_norm(const TensorMemory& tensors, const std::string& name);

template <typename Linear, typename Norm>
struct AttentionOf {
    Norm norm;
    Linear query, key, value, out;
};

// A transformer's block. `self` and `cross`, which only a decoder has, are attention; `up` and `down` the MLP.
template <typename Linear, typename Norm>
struct BlockOf {
    AttentionOf<Linear, Norm> self;
    AttentionOf<Linear, Norm> cross;
    Norm mlp_norm;
    Linear up, down;
};

using Attention = AttentionOf<Linear, LayerNorm>;
using Block = BlockOf<Linear, LayerNorm>;

// Reads blocks by whisper.cpp's names. `linear(name)` and `norm(name)` make layers from "<name>.weight", "<name>.bias".
template <typename Linear, typename Norm, typename ReadLinear, typename ReadNorm>
std::vector<BlockOf<Linear, Norm>> read_blocks(const std::string& side, int count, bool cross, const ReadLinear& linear,
                                               const ReadNorm& norm) {
    const auto attention = [&](const std::string& name) {
        return AttentionOf<Linear, Norm>{norm(name + "_ln"), linear(name + ".query"), linear(name + ".key"),
                                         linear(name + ".value"), linear(name + ".out")};
    };
    std::vector<BlockOf<Linear, Norm>> result;
    for (int i = 0; i < count; ++i) {
        const std::string prefix = side + ".blocks." + std::to_string(i) + ".";
        result.push_back({attention(prefix + "attn"),
                          cross ? attention(prefix + "cross_attn") : AttentionOf<Linear, Norm>{},
                          norm(prefix + "mlp_ln"), linear(prefix + "mlp.0"), linear(prefix + "mlp.2")});
    }
    return result;
}

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
    // Reads the tensors of a validated file into memory of `device`. Throws ModelInvalid, OutOfMemory.
    WhisperWeights(const std::string& path, const WhisperFile& file, ggml_backend_dev_t device);

    EncoderWeights encoder;
    DecoderWeights decoder;

  private:
    TensorMemory tensors_;
};

}  // namespace agora
