// Words of a pass over a window, with their times.
#pragma once

#include <vector>

#include "engine/decoder/alignment.h"
#include "engine/decoder/decoder.h"
#include "engine/schedule/whisper_window.h"
#include "engine/text/vocabulary.h"

namespace agora {

// Where the decoder looked in a window when it chose the tokens of a pass's text.
struct TextAttention {
    std::vector<float> weights;  // [heads][rows][1500]
    int start_tokens = 0;
    int rows = 0;  // tokens: those of the start, the text's, and its end
};

class WindowWords {
  public:
    // All of which must outlive this.
    WindowWords(const WhisperHyperParameters& hparams, const Vocabulary& vocabulary, Decoder& decoder);

    // Runs the text of a pass's segments through the decoder once more, all tokens at once, to see which frames of the
    // window each of them looks at. `start_tokens`: start of transcript, language, task, no timestamps. Throws
    // Cancelled.
    TextAttention attend(const WhisperWindow& window, const std::vector<int>& start_tokens,
                         const std::vector<DecodedSegment>& segments) const;

    // By what attend() has seen, gives the segments their words, with times. `offset`: seconds of the window before the
    // pass.
    void add(WhisperWindow& window, const TextAttention& attention, double offset,
             std::vector<DecodedSegment>& segments) const;

    // Frames of the window, 50 a second from `offset` on, at which each token of the text begins and the last one ends,
    // in none of which that are `silent` (may be empty).
    std::vector<int> token_frames(const WhisperWindow& window, const TextAttention& attention, double offset,
                                  const std::vector<bool>& silent) const;

  private:
    const WhisperHyperParameters& hparams_;
    const Vocabulary& vocabulary_;
    Decoder& decoder_;
    std::vector<AttentionHead> heads_;
};

}  // namespace agora
