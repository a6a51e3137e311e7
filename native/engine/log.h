// Where the messages of whisper.cpp, libllama and ggml go.
#pragma once

#include <string>

namespace agora {

// Takes over the libraries' logs: nothing is printed, except with AGORA_NATIVE_LOG=1, which sends all to stderr.
void capture_logs();

// The last error or warning that this thread's calls logged since the last call of this function, without its newline.
std::string take_last_error();

}  // namespace agora
