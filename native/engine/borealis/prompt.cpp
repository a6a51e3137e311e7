#include "engine/borealis/prompt.h"

namespace agora {

const char* const kSystemPrompt =
    "Вы полезный помощник по автоматическому распознаванию речи. Точно транскрибируйте аудио в текст.";
const char* const kUserPrompt = "Транскрибируйте это аудио: ";

Prompt make_prompt(const LanguageModel& model, const std::string& system, const std::string& user) {
    const int turn = model.special("<|im_start|>");
    const int turn_end = model.special("<|im_end|>");
    const auto append = [&](std::vector<int>& tokens, const std::string& text) {
        const std::vector<int> more = model.tokenize(text);
        tokens.insert(tokens.end(), more.begin(), more.end());
    };
    Prompt prompt;
    prompt.before = {turn};
    append(prompt.before, "system\n" + (system.empty() ? kSystemPrompt : system));
    prompt.before.push_back(turn_end);
    append(prompt.before, "\n");
    prompt.before.push_back(turn);
    append(prompt.before, "user\n" + (user.empty() ? kUserPrompt : user));
    prompt.before.push_back(model.special("<|start_of_audio|>"));

    prompt.after = {model.special("<|end_of_audio|>"), turn_end};
    append(prompt.after, "\n");
    prompt.after.push_back(turn);
    append(prompt.after, "assistant\n");
    return prompt;
}

}  // namespace agora
