#include "engine/log.h"

#include <llama.h>
#include <whisper.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace agora {
namespace {

thread_local std::string last_error;

void on_message(ggml_log_level level, const char* text, void* verbose) {
    if (verbose != nullptr) std::fputs(text, stderr);
    if (level != GGML_LOG_LEVEL_ERROR && level != GGML_LOG_LEVEL_WARN) return;
    last_error = text;
    while (!last_error.empty() && (last_error.back() == '\n' || last_error.back() == ' ')) last_error.pop_back();
}

}  // namespace

void capture_logs() {
    static std::once_flag once;
    std::call_once(once, [] {
        static char yes;
        const char* setting = std::getenv("AGORA_NATIVE_LOG");
        void* verbose = setting != nullptr && std::strcmp(setting, "1") == 0 ? &yes : nullptr;
        whisper_log_set(on_message, verbose);
        llama_log_set(on_message, verbose);  // ggml's with it
    });
}

std::string take_last_error() {
    std::string message;
    message.swap(last_error);
    return message;
}

}  // namespace agora
