#include "engine/text/vocabulary.h"

#include <queue>
#include <tuple>

#include "engine/model/file_reader.h"

namespace agora {
namespace {

// Magic, 11 hyper-parameters and the filters' own two dimensions come before them.
constexpr uint64_t kMelFiltersOffset = 14 * sizeof(int32_t);
constexpr int kFrequencyBins = 201;

// Merges the bytes of a piece pair by pair, that of the lowest rank first and of equal ones the leftmost, as GPT-2's
// encoder.py does. Candidates wait in a heap: a piece of n bytes takes n log n steps.
class PieceMerger {
  public:
    PieceMerger(const Vocabulary& vocabulary, const std::string& piece) : vocabulary_(vocabulary), piece_(piece) {
        const auto count = static_cast<int>(piece.size());
        parts_.reserve(piece.size());
        for (int i = 0; i < count; ++i) parts_.push_back({1, i - 1, i + 1 < count ? i + 1 : -1});
        for (int i = 0; i + 1 < count; ++i) consider(i);
    }

    std::vector<std::string> merged() {
        while (!candidates_.empty()) {
            const Candidate best = candidates_.top();
            candidates_.pop();
            if (is_current(best)) merge(best.left);
        }
        std::vector<std::string> texts;
        for (int i = parts_.empty() ? -1 : 0; i >= 0; i = parts_[static_cast<size_t>(i)].next)
            texts.push_back(text(i, part(i).length));
        return texts;
    }

  private:
    // A part is named by the position of its first byte.
    struct Part {
        int length;  // 0: merged into the one before
        int previous, next;
    };
    struct Candidate {
        int rank, left;
        int left_length, length;  // of the left part and of both, when it was put there
        bool operator<(const Candidate& other) const { return std::tie(rank, left) > std::tie(other.rank, other.left); }
    };

    Part& part(int position) { return parts_[static_cast<size_t>(position)]; }
    std::string text(int position, int length) const {
        return piece_.substr(static_cast<size_t>(position), static_cast<size_t>(length));
    }

    // Notes the pair that begins at `left`, if it is a token.
    void consider(int left) {
        const Part& first = part(left);
        const int length = first.length + part(first.next).length;
        const int rank = vocabulary_.find(text(left, length));
        if (rank >= 0) candidates_.push({rank, left, first.length, length});
    }
    bool is_current(const Candidate& candidate) {
        const Part& first = part(candidate.left);
        return first.length == candidate.left_length && first.next >= 0 &&
               first.length + part(first.next).length == candidate.length;
    }
    void merge(int left) {
        Part& first = part(left);
        Part& second = part(first.next);
        first.length += second.length;
        first.next = second.next;
        second.length = 0;
        if (first.next >= 0) {
            part(first.next).previous = left;
            consider(left);
        }
        if (first.previous >= 0) consider(first.previous);
    }

    const Vocabulary& vocabulary_;
    const std::string& piece_;
    std::vector<Part> parts_;
    std::priority_queue<Candidate> candidates_;
};

}  // namespace

int Vocabulary::find(const std::string& text) const {
    const auto found = ids.find(text);
    return found == ids.end() ? -1 : found->second;
}

std::vector<int> Vocabulary::encode(const std::vector<std::string>& pieces) const {
    std::vector<int> tokens;
    for (const std::string& piece : pieces) {
        for (const std::string& part : PieceMerger(*this, piece).merged()) {
            const int token = find(part);
            if (token >= 0) tokens.push_back(token);
        }
    }
    return tokens;
}

Vocabulary read_vocabulary(const std::string& path, const WhisperFile& file) {
    FileReader reader(path);
    reader.skip(file.vocabulary_offset, "the header");
    Vocabulary v{};
    const int count = reader.read_i32("the vocabulary");
    for (int i = 0; i < count; ++i) {
        v.texts.push_back(
            reader.read_string(static_cast<uint64_t>(reader.read_i32("the vocabulary")), "the vocabulary"));
    }
    v.size = file.hparams.n_vocab;
    // English-only models have the tokens of 99 languages too, though they never write them.
    const int reserved_languages = file.hparams.multilingual() ? file.hparams.language_count() : 99;
    v.languages = file.hparams.language_count();
    v.end_of_text = file.hparams.multilingual() ? 50257 : 50256;
    v.texts.resize(static_cast<size_t>(v.end_of_text));
    for (size_t i = 0; i < v.texts.size(); ++i) v.ids.emplace(v.texts[i], static_cast<int>(i));
    v.start_of_transcript = v.end_of_text + 1;
    v.first_language = v.start_of_transcript + 1;
    v.translate = v.first_language + reserved_languages;
    v.transcribe = v.translate + 1;
    v.start_of_lm = v.translate + 2;
    v.previous = v.translate + 3;
    v.no_speech = v.translate + 4;
    v.no_timestamps = v.translate + 5;
    v.first_timestamp = v.translate + 6;
    return v;
}

std::vector<float> read_mel_filters(const std::string& path, const WhisperFile& file) {
    FileReader reader(path);
    reader.skip(kMelFiltersOffset, "the header");
    std::vector<float> filters(static_cast<size_t>(file.hparams.n_mels) * kFrequencyBins);
    reader.read_bytes(filters.data(), filters.size() * sizeof(float), "the mel filters");
    return filters;
}

}  // namespace agora
