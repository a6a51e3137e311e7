// Windows for the batched engine, and what became of them.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "engine/schedule/batched_whisper.h"
#include "support.h"

inline agora::BatchedOptions options(int threads, int batch_size, const std::string& draft_path = "") {
    agora::BatchedOptions result;
    result.threads = threads;
    result.batch_size = batch_size;
    result.draft_path = draft_path;
    return result;
}

// An English window of the samples from `begin` to `end`.
inline agora::WindowRequest request(const std::vector<float>& audio, size_t begin, size_t end) {
    agora::WindowRequest result;
    result.samples.assign(audio.begin() + static_cast<std::ptrdiff_t>(begin),
                          audio.begin() + static_cast<std::ptrdiff_t>(std::min(end, audio.size())));
    result.language = "en";
    result.cancelled = std::make_shared<std::atomic<bool>>(false);
    return result;
}

inline std::vector<agora::WindowOutcome> outcomes(agora::BatchedWhisper& whisper,
                                                  const std::vector<agora::WindowRequest>& requests) {
    std::vector<agora::WindowOutcome> results(requests.size());
    for (size_t i = 0; i < requests.size(); ++i) {
        whisper.submit(requests[i], [&results, i](agora::WindowOutcome outcome) { results[i] = std::move(outcome); });
    }
    whisper.run();
    return results;
}

inline std::string text_of(const agora::WindowOutcome& outcome) {
    std::string text;
    for (const auto& segment : outcome.segments) text += segment.text;
    return text;
}

inline std::vector<int> tokens_of(const agora::WindowOutcome& outcome) {
    std::vector<int> tokens;
    for (const auto& segment : outcome.segments)
        tokens.insert(tokens.end(), segment.tokens.begin(), segment.tokens.end());
    return tokens;
}
