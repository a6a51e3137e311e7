// Whisper models in whisper.cpp's format (ggml .bin), read and validated before anything else trusts them.
//
// Layout: magic, 11 hyper-parameters, mel filters, vocabulary, then tensors until the end of the file.
// Source: whisper.cpp, models/convert-pt-to-ggml.py and whisper_model_load().
//
// The format has no place for the heads that times of words are read from. This project's converter writes them as the
// name of a special token, that which starts a language model and is never used: "<|alignment_heads:3.1,4.2|>", layer
// and head counted from 0. whisper.cpp shows such names at most.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace agora {

struct WhisperHyperParameters {
    // n_vocab: rows of the table of tokens. read_whisper_file() has made sure that they are the rows of the vocabulary.
    int32_t n_vocab, n_audio_ctx, n_audio_state, n_audio_head, n_audio_layer;
    int32_t n_text_ctx, n_text_state, n_text_head, n_text_layer, n_mels;
    int32_t ftype;  // ggml_ftype of the matrices, without the quantisation version
    // Layer and head of the decoder's cross-attention that follow the audio in time, where the file tells them.
    std::vector<std::pair<int, int>> alignment_heads;

    bool multilingual() const { return n_vocab >= 51865; }
    int32_t language_count() const { return multilingual() ? n_vocab - 51766 : 1; }
};

struct TensorEntry {
    std::string name;
    int32_t type;             // ggml_type
    std::vector<int64_t> ne;  // innermost first
    uint64_t offset;          // of the data in the file
    uint64_t bytes;
};

struct WhisperFile {
    WhisperHyperParameters hparams;
    std::string weight_type;     // "f16", "q8_0", …
    uint64_t vocabulary_offset;  // of the token count
    uint64_t tensors_offset;     // of the first tensor's header
    std::vector<TensorEntry> tensors;
    uint64_t bytes;

    // "tiny", "base", "small", "medium", "large" by the encoder's shape, else "custom".
    std::string type() const;
    // Whether its matrices have 8 bits or fewer.
    bool is_quantised() const { return weight_type != "f16" && weight_type != "f32"; }
};

// Reads everything but the tensors' data. On return the file is known to hold exactly the tensors, shapes and types
// that its hyper-parameters ask for, and nothing else.
// Throws ModelNotFound, ModelInvalid.
WhisperFile read_whisper_file(const std::string& path);

}  // namespace agora
