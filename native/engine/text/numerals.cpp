#include "engine/text/numerals.h"

namespace agora {

std::vector<int> numeral_tokens(const Vocabulary& vocabulary) {
    std::vector<int> tokens;
    for (int token = 0; token < vocabulary.end_of_text && token < static_cast<int>(vocabulary.texts.size()); ++token) {
        const std::string& text = vocabulary.texts[static_cast<size_t>(token)];
        if (text.find_first_of("0123456789%$") != std::string::npos || text.find("\xC2\xA3") != std::string::npos)
            tokens.push_back(token);
    }
    return tokens;
}

}  // namespace agora
