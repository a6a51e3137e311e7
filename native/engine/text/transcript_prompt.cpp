#include "engine/text/transcript_prompt.h"

#include <whisper.h>

#include <algorithm>

namespace agora {

std::vector<int> TranscriptPrompt::previous(const std::vector<int>& tokens, size_t room) const {
    const size_t count = std::min(tokens.size(), room);
    if (count == 0) return {};
    std::vector<int> prompt = {vocabulary_.previous};
    prompt.insert(prompt.end(), tokens.end() - static_cast<std::ptrdiff_t>(count), tokens.end());
    return prompt;
}

std::vector<int> TranscriptPrompt::start(const std::string& language, bool translate, bool timestamps) const {
    std::vector<int> tokens = {vocabulary_.start_of_transcript};
    if (hparams_.multilingual()) {
        tokens.push_back(vocabulary_.first_language + whisper_lang_id(language.c_str()));
        tokens.push_back(translate ? vocabulary_.translate : vocabulary_.transcribe);
    }
    if (!timestamps) tokens.push_back(vocabulary_.no_timestamps);
    return tokens;
}

}  // namespace agora
