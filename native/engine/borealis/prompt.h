// The prompt that Borealis was trained with: a turn of the system, a turn of the user with the audio in it, and the
// beginning of the answer, in Qwen's ChatML.
#pragma once

#include <string>
#include <vector>

#include "engine/borealis/language_model.h"

namespace agora {

extern const char* const kSystemPrompt;
extern const char* const kUserPrompt;

// What stands before and after the audio's rows.
struct Prompt {
    std::vector<int> before;  // up to <|start_of_audio|>
    std::vector<int> after;   // from <|end_of_audio|>
};

// Empty texts stand for the ones of the training. Whatever they contain is text, never a special token.
Prompt make_prompt(const LanguageModel& model, const std::string& system, const std::string& user);

}  // namespace agora
