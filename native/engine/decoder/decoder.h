// Whisper's text decoder over many sequences at once, wherever it runs.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace agora {

// Where cross-attention of some heads is written to.
struct AttentionCapture {
    std::vector<std::pair<int, int>> heads;  // layer, head
    std::vector<float> weights;              // [heads][tokens][1500], softmax; 0 where a frame stands for several

    std::optional<size_t> place_of(int layer, int head) const {
        const auto found = std::find(heads.begin(), heads.end(), std::make_pair(layer, head));
        if (found == heads.end()) return std::nullopt;
        return static_cast<size_t>(found - heads.begin());
    }
};

// Keys and values of a sequence's tokens, as the decoder that made it keeps them. Goes before its decoder does.
class SequenceMemory {
  public:
    virtual ~SequenceMemory() = default;

    // The first `positions` of another sequence of the same decoder.
    virtual void copy_from(SequenceMemory& other, int positions) = 0;
};

// What cross-attention looks at: keys and values of an encoded window. Goes before its decoder does.
class WindowMemory {
  public:
    virtual ~WindowMemory() = default;
};

// New tokens of one sequence.
struct DecoderInput {
    SequenceMemory* self;  // capacity: the model's text context
    WindowMemory* cross;   // of the sequence's window
    int past;              // positions that `self` holds
    std::vector<int> tokens;
    AttentionCapture* capture = nullptr;
    size_t outputs = 1;  // tokens at the end whose logits are wanted
};

class Decoder {
  public:
    virtual ~Decoder() = default;

    // Runs all inputs' tokens through the decoder in one batch and appends their keys and values.
    // Returns the logits of each input's outputs, [Σ outputs][n_vocab], valid until the next call; null when stopped.
    // Inputs of one window, one behind the other, share the reading of its memory.
    virtual const float* run(const std::vector<DecoderInput>& inputs, const std::atomic<bool>* stop) = 0;

    // Positions that a sequence has room for.
    virtual int context() const = 0;

    // Memory for one sequence, and for one window. Throws OutOfMemory.
    virtual std::unique_ptr<SequenceMemory> new_sequence() = 0;
    virtual std::unique_ptr<WindowMemory> new_window() = 0;
    // Bytes of each; 0: not known.
    virtual size_t sequence_bytes() const { return 0; }
    virtual size_t window_bytes() const { return 0; }

    // Takes the memory of at least so many sequences in all, those that are there included, where it is one piece on a
    // device; elsewhere each brings its own. Until then new_sequence() may grow that piece. Throws OutOfMemory, and
    // then what was there is there as before.
    virtual void reserve_sequences(int) {}
};

}  // namespace agora
