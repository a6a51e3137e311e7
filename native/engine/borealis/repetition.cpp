#include "engine/borealis/repetition.h"

#include <algorithm>

namespace agora {
namespace {

// A piece is a loop when it has come this often, and a short one when this many tokens have repeated: people do say
// "да, да, да", and telephone numbers have zeros.
constexpr size_t kCopies = 4;
constexpr size_t kRepeatedTokens = 24;

}  // namespace

size_t RepetitionGuard::add(const std::vector<int>& tokens) {
    const size_t size = tokens.size();
    size_t settled = 0;
    for (size_t piece = 1; piece <= std::min(kLongestPiece, size - 1); ++piece) {
        size_t& matches = matches_[piece];
        matches = tokens[size - 1] == tokens[size - 1 - piece] ? matches + 1 : 0;
        if (settled == 0 && matches >= std::max((kCopies - 1) * piece, kRepeatedTokens)) settled = size - matches;
    }
    return settled;
}

}  // namespace agora
