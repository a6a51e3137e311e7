// Tokens that write numbers in digits.
#pragma once

#include <vector>

#include "engine/text/vocabulary.h"

namespace agora {

// Text tokens with a digit, a percent sign or a sign of money in them: without these numbers are written in words.
// Source: WhisperX, asr.py (find_numeral_symbol_tokens).
std::vector<int> numeral_tokens(const Vocabulary& vocabulary);

}  // namespace agora
