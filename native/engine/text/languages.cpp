#include "engine/text/languages.h"

#include <whisper.h>

namespace agora {

std::vector<std::string> whisper_languages(int count) {
    std::vector<std::string> codes;
    for (int id = 0; id < count; ++id) codes.emplace_back(whisper_lang_str(id));
    return codes;
}

}  // namespace agora
