// A guard against repetition loops.
#pragma once

#include <cstddef>
#include <vector>

namespace agora {

// Watches a text grow token by token and says when its end is one piece again and again.
class RepetitionGuard {
  public:
    // Takes the next token of `tokens`, its last one. The number of tokens up to the end of the loop's first piece
    // when there is a loop now, else 0.
    size_t add(const std::vector<int>& tokens);

  private:
    // For each length of a piece, how many of the last tokens equal the ones that far before them.
    std::vector<size_t> matches_ = std::vector<size_t>(kLongestPiece + 1, 0);

    static constexpr size_t kLongestPiece = 80;
};

}  // namespace agora
