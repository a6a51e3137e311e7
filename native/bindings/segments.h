#pragma once

#include <napi.h>

#include <vector>

#include "engine/text/transcript.h"

namespace agora {

// NativeSegment[] of src/addon/addon.ts.
Napi::Array to_js(Napi::Env env, const std::vector<DecodedSegment>& segments, bool words);

// { start, end, text, confidence }[]
Napi::Array to_js(Napi::Env env, const std::vector<Word>& words);

// { languages: { language, probability }[], noSpeechProb }
Napi::Object to_js(Napi::Env env, const DetectedLanguages& detected);

}  // namespace agora
