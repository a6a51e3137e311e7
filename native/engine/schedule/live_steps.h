// Steps of live transcription: windows whose text begins as it stood, and ends where the sound does.
#pragma once

#include <vector>

#include "engine/decoder/alignment.h"
#include "engine/decoder/decoder.h"
#include "engine/schedule/whisper_window.h"
#include "engine/text/logit_rules.h"
#include "engine/text/transcript_prompt.h"
#include "engine/text/vocabulary.h"

namespace agora {

class LiveSteps {
  public:
    // All of which must outlive this.
    LiveSteps(const WhisperHyperParameters& hparams, const Vocabulary& vocabulary, const LogitRules& rules,
              Decoder& decoder);

    // How a step is decoded: greedily, once, and nothing is said against its text.
    static SearchOptions search();
    // Tokens that may be forced, so that there is room for as many as are spoken meanwhile.
    static size_t most_forced(int context) { return static_cast<size_t>(context) - kRoom; }

    // Has an encoded window decoded.
    void begin(WhisperWindow& window) const;
    // Takes the text over, which settles the window.
    void settle(WhisperWindow& window) const;

  private:
    static constexpr size_t kRoom = 32;  // of the decoder's context, for the start of a transcript and new tokens

    const Vocabulary& vocabulary_;
    const LogitRules& rules_;
    Decoder& decoder_;
    TranscriptPrompt prompt_;
    std::vector<AttentionHead> heads_;
};

}  // namespace agora
