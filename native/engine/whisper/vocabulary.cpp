#include "engine/whisper/vocabulary.h"

#include "engine/model/file_reader.h"

namespace agora {
namespace {

// Magic, 11 hyper-parameters and the filters' own two dimensions come before them.
constexpr uint64_t kMelFiltersOffset = 14 * sizeof(int32_t);
constexpr int kFrequencyBins = 201;

}  // namespace

int Vocabulary::find(const std::string& text) const {
    const auto found = ids.find(text);
    return found == ids.end() ? -1 : found->second;
}

std::vector<int> Vocabulary::encode(const std::vector<std::string>& pieces) const {
    std::vector<int> tokens;
    for (const std::string& piece : pieces) {
        std::vector<std::string> parts;
        for (const char byte : piece) parts.emplace_back(1, byte);
        for (;;) {
            int lowest = -1;
            size_t position = 0;
            for (size_t i = 0; i + 1 < parts.size(); ++i) {
                const int rank = find(parts[i] + parts[i + 1]);
                if (rank >= 0 && (lowest < 0 || rank < lowest)) {
                    lowest = rank;
                    position = i;
                }
            }
            if (lowest < 0) break;
            parts[position] += parts[position + 1];
            parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(position) + 1);
        }
        for (const std::string& part : parts) {
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
