#include "engine/borealis/language_vocabulary.h"

#include <llama.h>

#include <algorithm>
#include <utility>

#include "engine/error.h"

namespace agora {

LanguageVocabulary::LanguageVocabulary(LlamaModel model)
    : model_(std::move(model)), vocabulary_(llama_model_get_vocab(model_.get())) {}

std::vector<int> LanguageVocabulary::tokenize(const std::string& text) const {
    const auto length = static_cast<int32_t>(text.size());
    // Never more tokens than bytes.
    std::vector<int> tokens(text.size());
    const int count = llama_tokenize(vocabulary_, text.data(), length, tokens.data(), length, false, false);
    if (count < 0) throw Error(ErrorCode::Internal, "A text of " + std::to_string(length) + " bytes has no tokens");
    tokens.resize(static_cast<size_t>(count));
    return tokens;
}

int LanguageVocabulary::special(const std::string& text) const {
    int tokens[2];
    const auto length = static_cast<int32_t>(text.size());
    if (llama_tokenize(vocabulary_, text.data(), length, tokens, 2, false, true) != 1)
        throw Error(ErrorCode::ModelInvalid, "The language model's vocabulary has no token " + text);
    return tokens[0];
}

std::string LanguageVocabulary::text_of(int token) const {
    char bytes[256];
    int length = llama_token_to_piece(vocabulary_, token, bytes, sizeof(bytes), 0, false);
    if (length >= 0) return {bytes, static_cast<size_t>(length)};
    std::string longer(static_cast<size_t>(-length), '\0');
    length = llama_token_to_piece(vocabulary_, token, longer.data(), -length, 0, false);
    return longer.substr(0, static_cast<size_t>(std::max(length, 0)));
}

bool LanguageVocabulary::is_end(int token) const {
    return llama_vocab_is_eog(vocabulary_, token);
}

}  // namespace agora
