// The language model without its tokens: rows of embeddings to logits, with a memory for each sequence.
#pragma once

#include <vector>

namespace agora {

// Rows that go on with a sequence.
struct LanguageInput {
    int sequence;
    const std::vector<float>* rows;  // [n][width], n > 0
};

class LanguageNetwork {
  public:
    virtual ~LanguageNetwork() = default;

    // Positions that a sequence has room for.
    virtual int capacity() const = 0;

    // Goes on with sequences, which must be different ones. The logits that follow each input's last row come one
    // after another, [inputs][vocabulary]; valid until the next call. They do not depend on the other inputs.
    // At most one sequence's capacity of rows in all, and one more for each sequence.
    // Throws Internal, OutOfMemory; after that all sequences are empty.
    virtual const float* decode(const std::vector<LanguageInput>& inputs) = 0;

    // Positions that a sequence has.
    virtual int length(int sequence) const = 0;
    // Forgets what stands from `length` on.
    virtual void truncate(int sequence, int length) = 0;
    // Makes `to` a copy of `from`.
    virtual void copy(int from, int to) = 0;
    // Gives `to` what `from` has, and leaves `from` empty.
    virtual void move(int from, int to) = 0;
};

}  // namespace agora
