// Text to tokens and back, by libllama.
#pragma once

#include <string>
#include <vector>

#include "engine/borealis/llama_model.h"

struct llama_vocab;

namespace agora {

class LanguageVocabulary {
  public:
    explicit LanguageVocabulary(LlamaModel model);

    // Tokens of plain text; what looks like a special token is text as well.
    std::vector<int> tokenize(const std::string& text) const;
    // The special token that is written like this. Throws ModelInvalid when there is none.
    int special(const std::string& text) const;
    // Bytes of a token, which may be part of a character; none of a special token.
    std::string text_of(int token) const;
    // Whether a text ends with this token.
    bool is_end(int token) const;

  private:
    LlamaModel model_;
    const llama_vocab* vocabulary_;
};

}  // namespace agora
