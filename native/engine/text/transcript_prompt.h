// What the decoder reads before it writes: the text before, then the tokens that start a transcript.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/model/whisper_file.h"
#include "engine/text/vocabulary.h"

namespace agora {

class TranscriptPrompt {
  public:
    // Both must outlive this.
    TranscriptPrompt(const WhisperHyperParameters& hparams, const Vocabulary& vocabulary)
        : hparams_(hparams), vocabulary_(vocabulary) {}

    // Tokens of text before that there is room for: half of the decoder's context.
    size_t room() const { return static_cast<size_t>(hparams_.n_text_ctx / 2 - 1); }

    // The last tokens of the text before, `room` at most, after the token that says so; nothing where there are none.
    std::vector<int> previous(const std::vector<int>& tokens, size_t room) const;

    // Start of transcript, language, task; and no timestamps.
    std::vector<int> start(const std::string& language, bool translate, bool timestamps) const;

  private:
    const WhisperHyperParameters& hparams_;
    const Vocabulary& vocabulary_;
};

}  // namespace agora
