#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "engine/model/whisper_file.h"

namespace agora {

// NativeModelInfo of src/engine/addon.ts.
Napi::Object to_js(Napi::Env env, const WhisperFile& file, const std::vector<std::string>& languages);

}  // namespace agora
