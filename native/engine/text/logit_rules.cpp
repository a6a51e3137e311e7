#include "engine/text/logit_rules.h"

#include <algorithm>
#include <limits>

#include "engine/text/repetition.h"
#include "engine/text/softmax.h"

namespace agora {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

const char* const kNonSpeechSymbols[] = {
    "\"", "#", "(", ")", "*", "+", "/", ":", ";", "<", "=", ">", "@", "[", "\\", "]", "^", "_", "`", "{", "|", "}", "~",
    "「", "」", "『", "』", "<<", ">>", "<<<", ">>>", "--", "---", "-(", "-[", "('", "(\"", "((", "))", "(((", ")))",
    "[[", "]]", "{{", "}}", "♪♪", "♪♪♪",
    // Notes: one token where the vocabulary has them, else the token of the two bytes that all of them begin with.
    "♩", "♪", "♫", "♬", "♭", "♮", "♯", "\xE2\x99"};

void forbid(float* logits, int begin, int end) {
    std::fill(logits + begin, logits + std::max(begin, end), kNever);
}

}  // namespace

LogitRules::LogitRules(const Vocabulary& vocabulary) : vocabulary_(vocabulary), blank_(vocabulary.find(" ")) {
    for (const char* symbol : kNonSpeechSymbols) {
        for (const std::string& text : {std::string(symbol), " " + std::string(symbol)}) {
            const int token = vocabulary.find(text);
            if (token >= 0) non_speech_.push_back(token);
        }
    }
    // Hyphens and single quotes are allowed inside words, not at their beginning.
    for (const char* text : {" -", " '"}) {
        const int token = vocabulary.find(text);
        if (token >= 0) non_speech_.push_back(token);
    }
}

void LogitRules::apply(float* logits, const std::vector<int>& tokens, const RuleOptions& options) const {
    const Vocabulary& v = vocabulary_;
    penalize_repetition(logits, tokens, options.repetition_penalty);
    forbid_repeated_ngrams(logits, tokens, options.no_repeat_ngram_size);
    if (tokens.size() == options.given && options.suppress_blank) {
        if (blank_ >= 0) logits[blank_] = kNever;
        logits[v.end_of_text] = kNever;
    }
    if (options.suppress_non_speech) {
        for (const int token : non_speech_) logits[token] = kNever;
    }
    for (const int token : options.suppress_tokens) {
        if (token >= 0 && token < v.size) logits[token] = kNever;
    }
    forbid(logits, v.end_of_text + 1, v.first_timestamp);
    if (options.timestamps) {
        apply_timestamp_rules(logits, tokens, options.max_initial_timestamp);
    } else {
        forbid(logits, v.first_timestamp, v.size);
    }
}

void LogitRules::apply_timestamp_rules(float* logits, const std::vector<int>& tokens, int max_initial_timestamp) const {
    const Vocabulary& v = vocabulary_;
    if (tokens.empty()) {
        forbid(logits, 0, v.first_timestamp);
        forbid(logits, std::min(v.first_timestamp + max_initial_timestamp + 1, v.size), v.size);
        return;
    }
    // Timestamps come in pairs, except before the end of the text.
    const bool last = v.is_timestamp(tokens.back());
    const bool before_last = tokens.size() < 2 || v.is_timestamp(tokens[tokens.size() - 2]);
    if (last && before_last) forbid(logits, v.first_timestamp, v.size);
    if (last && !before_last) forbid(logits, 0, v.end_of_text);
    // They do not decrease, and a segment is not empty.
    const auto latest = std::find_if(tokens.rbegin(), tokens.rend(), [&](int token) { return v.is_timestamp(token); });
    if (latest != tokens.rend()) forbid(logits, v.first_timestamp, *latest + (last && !before_last ? 0 : 1));
    // When a timestamp is more probable than any one text token, it is a timestamp.
    const float* first_timestamp = logits + v.first_timestamp;
    if (log_sum_exp(first_timestamp, logits + v.size) > highest(logits, first_timestamp)) {
        forbid(logits, 0, v.first_timestamp);
    }
}

}  // namespace agora
