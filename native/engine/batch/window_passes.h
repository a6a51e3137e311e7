// The passes of a window through the decoder: each begins with a prompt, and what its text has not settled is the next
// one's.
#pragma once

#include <vector>

#include "engine/batch/whisper_window.h"
#include "engine/batch/window_words.h"
#include "engine/whisper/decoder.h"
#include "engine/whisper/logit_rules.h"
#include "engine/whisper/vocabulary.h"

namespace agora {

class WindowPasses {
  public:
    // All of which must outlive this.
    WindowPasses(const WhisperHyperParameters& hparams, const Vocabulary& vocabulary, const LogitRules& rules,
                 Decoder& decoder);

    // Has an encoded window decoded from its position on, in its language.
    void begin(WhisperWindow& window) const;
    // Takes the text of a finished pass over and moves on to what the pass has not settled. Throws Cancelled.
    void settle(WhisperWindow& window) const;

  private:
    void add_previous_text(const WindowRequest& request, std::vector<int>& prompt) const;
    size_t add_start_tokens(const WindowRequest& request, bool timestamps, std::vector<int>& prompt) const;
    void add_words(WhisperWindow& window, double offset, std::vector<DecodedSegment>& segments) const;

    const WhisperHyperParameters& hparams_;
    const Vocabulary& vocabulary_;
    const LogitRules& rules_;
    Decoder& decoder_;
    WindowWords words_;
};

}  // namespace agora
