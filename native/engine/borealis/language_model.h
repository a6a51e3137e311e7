// Qwen on libllama: several sequences of rows, each with keys and values of its own, decoded together.
#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "engine/borealis/language_file.h"
#include "engine/device/compute.h"

struct llama_context;
struct llama_model;
struct llama_vocab;

namespace agora {

// Rows that go on with a sequence.
struct LanguageInput {
    int sequence;
    const std::vector<float>* rows;  // [n][width], n > 0
};

class LanguageModel {
  public:
    // Loads what read_language_file() has found, with memory for `sequences` sequences (1 to 256) of at most
    // `capacity` positions. `gpu`: on the first GPU, whose backend must be loaded. Throws ModelInvalid, OutOfMemory.
    LanguageModel(const std::string& path, const LanguageFile& file, CpuCompute& compute, int threads, int sequences,
                  int capacity, bool gpu);

    int width() const { return static_cast<int>(file_.width); }
    int vocabulary() const { return static_cast<int>(file_.vocabulary); }
    int capacity() const { return capacity_; }

    // Tokens of plain text; what looks like a special token is text as well.
    std::vector<int> tokenize(const std::string& text) const;
    // The special token that is written like this. Throws ModelInvalid when there is none.
    int special(const std::string& text) const;
    // Bytes of a token, which may be part of a character; none of a special token.
    std::string text_of(int token) const;
    // Whether a text ends with this token.
    bool is_end(int token) const;

    // Appends the row of `token` in the table of embeddings to `rows`.
    void embed(int token, std::vector<float>& rows);

    // Goes on with sequences, which must be different ones. The logits that follow each input's last row come one
    // after another, [inputs][vocabulary]; valid until the next call.
    // At most one sequence's capacity of rows in all, and one more for each sequence.
    // Throws Internal, after which all sequences are empty.
    const std::vector<float>& decode(const std::vector<LanguageInput>& inputs);

    // Positions that a sequence has.
    int length(int sequence) const;
    // Forgets what stands from `length` on.
    void truncate(int sequence, int length);
    // Makes `to` a copy of `from`.
    void copy(int from, int to);

  private:
    struct Deleter {
        void operator()(llama_model* model) const;
        void operator()(llama_context* context) const;
    };

    LanguageFile file_;
    int capacity_;
    std::ifstream table_;
    std::vector<char> table_row_;
    std::unique_ptr<llama_model, Deleter> model_;
    std::unique_ptr<llama_context, Deleter> context_;
    const llama_vocab* vocabulary_ = nullptr;
    std::vector<float> batch_rows_;
    std::vector<float> logits_;
};

}  // namespace agora
