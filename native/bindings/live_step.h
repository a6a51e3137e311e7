#pragma once

#include <napi.h>

#include "engine/schedule/batched_whisper.h"

namespace agora {

// The window of a step of live transcription from (samples, options, cancel): see NativeLiveOptions in
// src/addon/addon.ts. Throws InvalidArgument.
WindowRequest live_request(const Napi::CallbackInfo& info, const BatchedWhisper& engine);

// NativeLiveResult of src/addon/addon.ts.
Napi::Object live_result(Napi::Env env, const WindowOutcome& outcome);

// { start, end, text, confidence }[] from (tokens: { id, start, probability }[], end, language): the words of a text.
Napi::Array live_words(const Napi::CallbackInfo& info, const Vocabulary& vocabulary);

}  // namespace agora
