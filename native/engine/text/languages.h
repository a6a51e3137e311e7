#pragma once

#include <string>
#include <vector>

namespace agora {

// ISO codes of the first `count` languages of Whisper's vocabulary, in order of their token ids.
std::vector<std::string> whisper_languages(int count);

}  // namespace agora
