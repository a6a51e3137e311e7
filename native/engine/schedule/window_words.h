// Words of a pass over a window, with their times.
#pragma once

#include <vector>

#include "engine/decoder/alignment.h"
#include "engine/decoder/decoder.h"
#include "engine/schedule/whisper_window.h"
#include "engine/text/vocabulary.h"

namespace agora {

class WindowWords {
  public:
    // All of which must outlive this.
    WindowWords(const WhisperHyperParameters& hparams, const Vocabulary& vocabulary, Decoder& decoder);

    // Gives the segments of a pass their words, and their words' times if the request asks for words. Their text goes
    // through the decoder once more, all tokens at once, to see which frames of the window each of them looked at.
    // `start_tokens`: start of transcript, language, task, no timestamps. `offset`: seconds of the window before the
    // pass. Throws Cancelled.
    void add(const WhisperWindow& window, const std::vector<int>& start_tokens, double offset,
             std::vector<DecodedSegment>& segments) const;

    // Frames of the window, 50 a second from `offset` on, at which each token of the segments begins and the last one
    // ends, in none of which that are `silent` (may be empty). Throws Cancelled.
    std::vector<int> token_frames(const WhisperWindow& window, const std::vector<int>& start_tokens, double offset,
                                  const std::vector<DecodedSegment>& segments, const std::vector<bool>& silent) const;

  private:
    const WhisperHyperParameters& hparams_;
    const Vocabulary& vocabulary_;
    Decoder& decoder_;
    std::vector<AttentionHead> heads_;
};

}  // namespace agora
