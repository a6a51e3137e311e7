#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "engine/borealis/audio_file.h"
#include "engine/model/whisper_file.h"

namespace agora {

// NativeModelInfo of src/addon/addon.ts.
Napi::Object to_js(Napi::Env env, const WhisperFile& file, const std::vector<std::string>& languages);

// BorealisFileInfo.
Napi::Object to_js(Napi::Env env, const LanguageFile& language, const AudioFile& audio);

}  // namespace agora
