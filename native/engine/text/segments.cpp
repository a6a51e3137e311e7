#include "engine/text/segments.h"

#include <algorithm>
#include <cmath>

#include "engine/audio/window.h"

namespace agora {

PassSegments split_segments(const DecodedText& text, const Vocabulary& v, double offset, size_t samples,
                            bool timestamps) {
    PassSegments pass{{}, samples, false, std::nullopt};
    const double duration = static_cast<double>(samples) / kSampleRate;
    const std::vector<int>& tokens = text.tokens;
    const auto seconds = [&](int token) { return std::min((token - v.first_timestamp) * kTimestampSeconds, duration); };
    const auto is_time = [&](size_t i) { return v.is_timestamp(tokens[i]); };
    const auto add = [&](size_t begin, size_t end, double start, double stop) {
        DecodedSegment segment{};
        double log_prob = 0;
        double probability = 0;
        size_t chosen = 0, chosen_text = 0;
        for (size_t i = begin; i < end; ++i) {
            const bool is_chosen = i >= text.given;
            log_prob += text.log_probs[i];
            chosen += is_chosen;
            if (is_time(i)) continue;
            segment.probabilities.push_back(std::exp(text.log_probs[i]));
            probability += is_chosen ? segment.probabilities.back() : 0;
            chosen_text += is_chosen;
            segment.tokens.push_back(tokens[i]);
            segment.text += v.texts[static_cast<size_t>(tokens[i])];
        }
        if (segment.tokens.empty()) return;
        segment.text = valid_utf8(segment.text);
        segment.start = offset + start;
        segment.end = offset + std::max(start, stop);
        // Of what was given, nothing was to be chosen.
        segment.avg_log_prob = chosen == 0 ? 0 : static_cast<float>(log_prob / static_cast<double>(chosen));
        segment.confidence = chosen_text == 0 ? 1 : static_cast<float>(probability / static_cast<double>(chosen_text));
        segment.no_speech_prob = text.no_speech_prob;
        segment.temperature = text.temperature;
        pass.segments.push_back(std::move(segment));
    };
    if (tokens.empty()) return pass;
    if (!timestamps) {
        add(0, tokens.size(), 0, duration);
        return pass;
    }
    pass.ends_with_timestamp = tokens.size() > 1 && is_time(tokens.size() - 1) && !is_time(tokens.size() - 2);
    std::vector<size_t> ends;
    for (size_t i = 1; i < tokens.size(); ++i) {
        if (is_time(i) && is_time(i - 1)) ends.push_back(i);
    }
    if (ends.empty()) {
        double stop = duration;
        for (const int token : tokens) {
            if (v.is_timestamp(token) && token != v.first_timestamp) stop = seconds(token);
        }
        if (is_time(tokens.size() - 1) && tokens.size() > 1) pass.text_end = offset + stop;
        const double start = is_time(0) && stop > seconds(tokens[0]) ? seconds(tokens[0]) : 0;
        add(0, tokens.size(), start, stop);
        return pass;
    }
    if (pass.ends_with_timestamp) ends.push_back(tokens.size());
    size_t begin = 0;
    for (const size_t end : ends) {
        add(begin, end, seconds(tokens[begin]), seconds(tokens[end - 1]));
        begin = end;
    }
    const bool over = is_time(tokens.size() - 1) && seconds(tokens.back()) >= duration - kEndMargin;
    if (over || pass.ends_with_timestamp) {
        pass.text_end = offset + (over ? duration : seconds(tokens.back()));
        return pass;
    }
    const auto settled = static_cast<size_t>(seconds(tokens[begin - 1]) * kSampleRate);
    if (settled > 0) pass.settled = std::min(settled, samples);
    return pass;
}

}  // namespace agora
