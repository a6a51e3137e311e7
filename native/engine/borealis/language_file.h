// The language model's file: a plain Qwen2 or Qwen3 model of llama.cpp with the vocabulary of a Borealis checkpoint.
//
// llama.cpp ends the process on some malformed files; what is checked here it need not refuse.
#pragma once

#include "engine/model/gguf_file.h"

namespace agora {

struct LanguageFile {
    std::string architecture;  // "qwen2" or "qwen3"
    int64_t width, layers, heads, kv_heads, head_width, feed_forward;
    int64_t vocabulary;       // rows of the embedding table
    int64_t context_length;   // positions that the model was trained with
    std::string weight_type;  // of most matrices: "f16", "q8_0", …
    float rope_base;          // base of the positions' angles
    float norm_epsilon;
    TensorEntry embeddings;  // [width, vocabulary]
    std::vector<TensorEntry> tensors;
    uint64_t bytes;
};

// On return the file is known to hold exactly the tensors of its architecture, in shapes that agree, and a vocabulary
// of as many tokens as there are embeddings. Throws ModelNotFound, ModelInvalid.
LanguageFile read_language_file(const std::string& path);

}  // namespace agora
