// A model file in libllama: all of it, or only what its tokens are.
#pragma once

#include <memory>
#include <string>

#include "engine/borealis/language_file.h"

struct llama_model;

namespace agora {

enum class LlamaPart { Vocabulary, OnCpu, OnGpu };

using LlamaModel = std::shared_ptr<llama_model>;

// Loads what read_language_file() has found; OnGpu: to the first GPU, whose backend must be loaded.
// Throws ModelInvalid, OutOfMemory, DeviceUnavailable.
LlamaModel load_llama_model(const std::string& path, const LanguageFile& file, LlamaPart part);

// What libllama last said about a failure, as the end of a message.
std::string llama_reason();

}  // namespace agora
