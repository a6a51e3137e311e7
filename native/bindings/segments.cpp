#include "bindings/segments.h"

namespace agora {
namespace {

Napi::Object to_js(Napi::Env env, const Word& word) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("start", word.start);
    result.Set("end", word.end);
    result.Set("text", word.text);
    result.Set("confidence", word.confidence);
    return result;
}

Napi::Object to_js(Napi::Env env, const DecodedSegment& segment, bool words) {
    Napi::Object result = Napi::Object::New(env);
    result.Set("start", segment.start);
    result.Set("end", segment.end);
    result.Set("text", segment.text);
    result.Set("avgLogProb", segment.avg_log_prob);
    result.Set("confidence", segment.confidence);
    result.Set("noSpeechProb", segment.no_speech_prob);
    result.Set("temperature", segment.temperature);
    Napi::Array tokens = Napi::Array::New(env, segment.tokens.size());
    for (size_t i = 0; i < segment.tokens.size(); ++i) tokens.Set(static_cast<uint32_t>(i), segment.tokens[i]);
    result.Set("tokens", tokens);
    if (words) result.Set("words", agora::to_js(env, segment.words));
    return result;
}

}  // namespace

Napi::Array to_js(Napi::Env env, const std::vector<Word>& words) {
    Napi::Array result = Napi::Array::New(env, words.size());
    for (size_t i = 0; i < words.size(); ++i) result.Set(static_cast<uint32_t>(i), to_js(env, words[i]));
    return result;
}

Napi::Array to_js(Napi::Env env, const std::vector<DecodedSegment>& segments, bool words) {
    Napi::Array result = Napi::Array::New(env, segments.size());
    for (size_t i = 0; i < segments.size(); ++i) result.Set(static_cast<uint32_t>(i), to_js(env, segments[i], words));
    return result;
}

Napi::Object to_js(Napi::Env env, const DetectedLanguages& detected) {
    Napi::Array languages = Napi::Array::New(env, detected.languages.size());
    for (size_t i = 0; i < detected.languages.size(); ++i) {
        Napi::Object entry = Napi::Object::New(env);
        entry.Set("language", detected.languages[i].language);
        entry.Set("probability", detected.languages[i].probability);
        languages.Set(static_cast<uint32_t>(i), entry);
    }
    Napi::Object result = Napi::Object::New(env);
    result.Set("languages", languages);
    result.Set("noSpeechProb", detected.no_speech_prob);
    return result;
}

}  // namespace agora
