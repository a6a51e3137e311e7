// The passes of a window through the decoder: each begins with a prompt, and what its text has not settled is the next
// one's. A window counts as heard when no sound is left behind the end of its text, not when the model stops writing.
#pragma once

#include <optional>
#include <vector>

#include "engine/decoder/decoder.h"
#include "engine/schedule/whisper_window.h"
#include "engine/schedule/window_words.h"
#include "engine/text/logit_rules.h"
#include "engine/text/transcript_prompt.h"
#include "engine/text/vocabulary.h"

namespace agora {

class WindowPasses {
  public:
    // All of which must outlive this.
    WindowPasses(const WhisperHyperParameters& hparams, const Vocabulary& vocabulary, const LogitRules& rules,
                 const LogMel& log_mel, Decoder& decoder);

    // Has an encoded window decoded from its position on, in its language; or goes on where a doubt has been resolved.
    void begin(WhisperWindow& window) const;
    // A window that is shorter than 30 s ends in silence that nobody recorded, which makes noise before it look like
    // speech. Where the text is in doubt, the window is encoded once more with its own sound over and over in place of
    // that silence, and when the model takes this for no speech, and writes no good text, there is none.
    void suspend(WhisperWindow& window) const;
    // Takes what came of that. Throws Cancelled.
    void resolve(WhisperWindow& window) const;
    // Takes the text of a finished pass over and moves on to what the pass has not settled. Throws Cancelled.
    void settle(WhisperWindow& window) const;

  private:
    std::vector<int> prefix_of(const WhisperWindow& window) const;
    void tell_dropped(WhisperWindow& window, const std::vector<DecodedSegment>& segments) const;
    std::vector<SoundSpan> sound_of(const WhisperWindow& window, const std::vector<DecodedSegment>& segments) const;
    bool is_short(const std::vector<DecodedSegment>& segments, double offset,
                  const std::vector<SoundSpan>& sound) const;
    double token_rate(const WhisperWindow& window, const DecodedText& text) const;
    bool is_plausible(const WhisperWindow& window, const DecodedText& text) const;
    bool takes_turns(const WhisperWindow& window) const;
    bool is_contracted(const WhisperWindow& window, const PassSegments& pass, double offset, double end) const;
    // Of the segments' text: seen once, when it is first asked for.
    const TextAttention& attention_of(const WhisperWindow& window, const std::vector<DecodedSegment>& segments,
                                      std::optional<TextAttention>& attention) const;
    double end_of_words(const WhisperWindow& window, double offset, const std::vector<DecodedSegment>& segments,
                        std::optional<TextAttention>& attention) const;
    double end_of_text(const WhisperWindow& window, double offset, const std::vector<DecodedSegment>& segments,
                       const std::vector<SoundSpan>& sound, std::optional<TextAttention>& attention) const;
    void listen_again(WhisperWindow& window, double offset, PassSegments& pass,
                      std::optional<TextAttention>& attention) const;
    void begin_in_pause(WhisperWindow& window, double offset, std::vector<DecodedSegment>& segments,
                        std::optional<TextAttention>& attention) const;

    TranscriptPrompt prompt_;
    const Vocabulary& vocabulary_;
    const LogitRules& rules_;
    const LogMel& log_mel_;
    Decoder& decoder_;
    WindowWords words_;
};

}  // namespace agora
