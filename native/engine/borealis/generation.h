// The text of one window as it is generated, with new attempts at higher temperatures when it repeats itself.
#pragma once

#include <optional>

#include "engine/borealis/language_model.h"
#include "engine/borealis/repetition.h"
#include "engine/borealis/sampler.h"

namespace agora {

struct GenerationOptions {
    std::vector<float> temperatures = {0};  // the first attempt's, and those of new attempts
    SamplingOptions sampling;               // its temperature is not used
    int max_tokens = 350;
    double compression_ratio_threshold = 2.4;  // text that repeats itself more is generated again
};

struct GeneratedText {
    std::string text;         // without special tokens, thoughts and surrounding space
    std::vector<int> tokens;  // without the one that ended it
    std::vector<float> log_probs;
    float temperature = 0;
};

// `text` without what stands between <think> and </think>, and without space around it; valid UTF-8.
std::string clean_text(const std::string& text);

class Generation {
  public:
    enum class State { Continue, Again, Done };

    Generation(const LanguageModel& model, const GenerationOptions& options);

    // Takes the logits that follow the prompt or the last token. Continue: last() is the sequence's next row; Again:
    // the next logits wanted are those of the prompt; Done: text() is there.
    State advance(const float* logits);
    int last() const { return attempt_.tokens.back(); }
    const GeneratedText& text() const { return *best_; }

  private:
    State finish(bool looped);
    void start_attempt();

    const LanguageModel& model_;
    GenerationOptions options_;
    size_t attempts_ = 0;
    std::optional<Sampler> sampler_;
    RepetitionGuard guard_;
    GeneratedText attempt_;
    std::optional<GeneratedText> best_;
    double best_ratio_ = 0;
};

}  // namespace agora
