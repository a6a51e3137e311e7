#include "engine/model/whisper_file.h"

#include <ggml.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <sstream>

#include "engine/model/file_reader.h"

namespace agora {
namespace {

constexpr uint32_t kMagic = 0x67676d6c;
constexpr uint32_t kGgufMagic = 0x46554747;
// whisper.cpp computes spectrograms with 400-sample frames only.
constexpr int32_t kFrequencyBins = 201;
// Every Whisper model splits its width into attention heads of this size.
constexpr int32_t kHeadWidth = 64;
// The fewest tokens of a model, and more than any.
constexpr int32_t kEnglishRows = 51864;
constexpr int32_t kMaxRows = 1 << 17;

struct Expected {
    std::vector<int64_t> ne;
    ggml_type type;
};

std::string number(int64_t value) {
    return std::to_string(value);
}

std::string shape(const std::vector<int64_t>& ne) {
    std::string result = "[";
    for (size_t i = 0; i < ne.size(); ++i) result += (i == 0 ? "" : ", ") + number(ne[i]);
    return result + "]";
}

WhisperHyperParameters read_hyper_parameters(FileReader& file) {
    WhisperHyperParameters h{};
    const std::pair<int32_t*, const char*> fields[] = {
        {&h.n_vocab, "n_vocab"},
        {&h.n_audio_ctx, "n_audio_ctx"},
        {&h.n_audio_state, "n_audio_state"},
        {&h.n_audio_head, "n_audio_head"},
        {&h.n_audio_layer, "n_audio_layer"},
        {&h.n_text_ctx, "n_text_ctx"},
        {&h.n_text_state, "n_text_state"},
        {&h.n_text_head, "n_text_head"},
        {&h.n_text_layer, "n_text_layer"},
        {&h.n_mels, "n_mels"},
        {&h.ftype, "ftype"},
    };
    for (const auto& [field, name] : fields) *field = file.read_i32(name);

    const auto check = [&](bool valid, const char* name, int32_t value, const std::string& expected) {
        if (!valid) file.fail(std::string(name) + " is " + number(value) + ", expected " + expected);
    };
    check(h.n_vocab >= kEnglishRows && h.n_vocab <= kMaxRows, "n_vocab", h.n_vocab, "51864, 51865 or 51866");
    check(h.n_audio_ctx == 1500, "n_audio_ctx", h.n_audio_ctx, "1500");
    check(h.n_audio_state >= 64 && h.n_audio_state <= 4096 && h.n_audio_state % kHeadWidth == 0, "n_audio_state",
          h.n_audio_state, "a multiple of 64 from 64 to 4096");
    check(h.n_audio_state / kHeadWidth == h.n_audio_head, "n_audio_head", h.n_audio_head,
          number(h.n_audio_state / kHeadWidth));
    check(h.n_audio_layer >= 1 && h.n_audio_layer <= 64, "n_audio_layer", h.n_audio_layer, "1 to 64");
    check(h.n_text_ctx >= 64 && h.n_text_ctx <= 1024, "n_text_ctx", h.n_text_ctx, "64 to 1024");
    check(h.n_text_state == h.n_audio_state, "n_text_state", h.n_text_state,
          "n_audio_state, " + number(h.n_audio_state));
    check(h.n_text_head == h.n_audio_head, "n_text_head", h.n_text_head, "n_audio_head, " + number(h.n_audio_head));
    check(h.n_text_layer >= 1 && h.n_text_layer <= 64, "n_text_layer", h.n_text_layer, "1 to 64");
    check(h.n_mels == 80 || h.n_mels == 128, "n_mels", h.n_mels, "80 or 128");
    check(h.ftype >= 0, "ftype", h.ftype, "a ggml file type");
    h.ftype %= GGML_QNT_VERSION_FACTOR;
    return h;
}

ggml_type weight_type(const FileReader& file, int32_t ftype) {
    switch (ftype) {
        case GGML_FTYPE_ALL_F32:
        case GGML_FTYPE_MOSTLY_F16:
        case GGML_FTYPE_MOSTLY_Q4_0:
        case GGML_FTYPE_MOSTLY_Q4_1:
        case GGML_FTYPE_MOSTLY_Q5_0:
        case GGML_FTYPE_MOSTLY_Q5_1:
        case GGML_FTYPE_MOSTLY_Q8_0:
        case GGML_FTYPE_MOSTLY_Q2_K:
        case GGML_FTYPE_MOSTLY_Q3_K:
        case GGML_FTYPE_MOSTLY_Q4_K:
        case GGML_FTYPE_MOSTLY_Q5_K:
        case GGML_FTYPE_MOSTLY_Q6_K:
            return ggml_ftype_to_ggml_type(static_cast<ggml_ftype>(ftype));
        default:
            file.fail("ftype " + number(ftype) + " is no weight type of Whisper models");
    }
}

void skip_mel_filters(FileReader& file, int32_t n_mels) {
    const int32_t n_mel = file.read_i32("the mel filters");
    const int32_t n_fft = file.read_i32("the mel filters");
    if (n_mel != n_mels || n_fft != kFrequencyBins) {
        file.fail("its mel filters are " + number(n_mel) + " × " + number(n_fft) + ", expected " + number(n_mels) +
                  " × " + number(kFrequencyBins));
    }
    file.skip(static_cast<uint64_t>(n_mel) * n_fft * sizeof(float), "the mel filters");
}

// Rows of the tables of tokens that there are: text, end and start of the transcript, languages, six tokens of tasks
// and 1501 of times. Source: openai-whisper, tokenizer.py.
struct VocabularyKind {
    const char* name;
    int32_t text_tokens;
    int32_t languages;

    int32_t rows() const { return text_tokens + 2 + languages + 6 + 1501; }
};

constexpr VocabularyKind kEnglish{"an English-only", 50256, 99};
constexpr VocabularyKind kMultilingual{"a multilingual", 50257, 99};
// Since large-v3, whose spectrograms have 128 bands. whisper.cpp numbers tokens by this size alone.
constexpr VocabularyKind kHundredLanguages{"a large-v3", 50257, 100};

constexpr char kEndOfText[] = "<|endoftext|>";
constexpr char kAlignmentHeads[] = "<|alignment_heads:";
constexpr int32_t kMaxWordBytes = 1024;

// "<|alignment_heads:3.1,4.2|>"
std::vector<std::pair<int, int>> parse_heads(const FileReader& file, const std::string& word,
                                             const WhisperHyperParameters& h) {
    const std::string shown = "its alignment heads \"" + word.substr(0, 100) + "\"";
    const size_t start = sizeof(kAlignmentHeads) - 1;
    if (word.size() < start + 2 || word.compare(word.size() - 2, 2, "|>") != 0) file.fail(shown + " have no end");
    std::istringstream text(word.substr(start, word.size() - 2 - start));
    std::set<std::pair<int, int>> heads;
    for (std::string pair; std::getline(text, pair, ',');) {
        std::istringstream numbers(pair);
        int layer = -1;
        int head = -1;
        char point = ' ';
        if (!(numbers >> layer >> point >> head) || point != '.' || numbers.peek() != EOF)
            file.fail(shown + " are no list of layer.head");
        if (layer < 0 || layer >= h.n_text_layer || head < 0 || head >= h.n_text_head) {
            file.fail(shown + " name head " + number(head) + " of layer " + number(layer) + ", but the decoder has " +
                      number(h.n_text_layer) + " layers of " + number(h.n_text_head) + " heads");
        }
        heads.emplace(layer, head);
    }
    return {heads.begin(), heads.end()};
}

// Tells the kind of the vocabulary from its words, and makes sure that the table of tokens has as many rows: all
// special tokens are numbered by them, so that one row more or less makes rubbish of every text.
void read_words(FileReader& file, WhisperHyperParameters& h) {
    const int32_t count = file.read_i32("the vocabulary");
    if (count < kEnglish.text_tokens || count > h.n_vocab) {
        file.fail("its vocabulary has " + number(count) + " tokens, expected " + number(kEnglish.text_tokens) + " to " +
                  number(h.n_vocab));
    }
    // Files have the text tokens alone, or special ones too, of which the end of the text comes first.
    int32_t text_tokens = std::min(count, kMultilingual.text_tokens);
    for (int32_t i = 0; i < count; ++i) {
        const int32_t length = file.read_i32("the vocabulary");
        if (length < 0 || length > kMaxWordBytes)
            file.fail("token " + number(i) + " has a length of " + number(length) + " bytes");
        if (i == kEnglish.text_tokens) {
            if (file.read_string(static_cast<uint64_t>(length), "the vocabulary") == kEndOfText)
                text_tokens = kEnglish.text_tokens;
        } else if (i > kEnglish.text_tokens) {
            const std::string word = file.read_string(static_cast<uint64_t>(length), "the vocabulary");
            if (word.rfind(kAlignmentHeads, 0) == 0) h.alignment_heads = parse_heads(file, word, h);
        } else {
            file.skip(static_cast<uint64_t>(length), "the vocabulary");
        }
    }
    const VocabularyKind& kind = text_tokens == kEnglish.text_tokens ? kEnglish
                                 : h.n_mels == 128                   ? kHundredLanguages
                                                                     : kMultilingual;
    if (h.n_vocab == kind.rows()) return;
    const std::string bands = text_tokens == kEnglish.text_tokens ? "" : " with " + number(h.n_mels) + " mel bands";
    file.fail("its table of tokens has " + number(h.n_vocab) + " rows, but its vocabulary of " + number(text_tokens) +
              " text tokens is that of " + kind.name + " model" + bands + ", which has " + number(kind.rows()) +
              (h.n_vocab > kind.rows() ? ". Tokens that were added behind them are not supported in this format" : ""));
}

void expect_block(std::map<std::string, Expected>& tensors, const std::string& prefix, int64_t state, ggml_type matrix,
                  bool cross) {
    const auto vector = [&](const std::string& name, int64_t n) { tensors[prefix + name] = {{n}, GGML_TYPE_F32}; };
    const auto linear = [&](const std::string& name, int64_t in, int64_t out) {
        tensors[prefix + name] = {{in, out}, matrix};
    };
    const auto norm = [&](const std::string& name) {
        vector(name + ".weight", state);
        vector(name + ".bias", state);
    };
    const auto attention = [&](const std::string& name) {
        for (const char* part : {".query", ".key", ".value", ".out"}) linear(name + part + ".weight", state, state);
        for (const char* part : {".query", ".value", ".out"}) vector(name + part + ".bias", state);
        norm(name + "_ln");
    };
    attention("attn");
    if (cross) attention("cross_attn");
    norm("mlp_ln");
    linear("mlp.0.weight", state, 4 * state);
    vector("mlp.0.bias", 4 * state);
    linear("mlp.2.weight", 4 * state, state);
    vector("mlp.2.bias", state);
}

std::map<std::string, Expected> expected_tensors(const WhisperHyperParameters& h, ggml_type matrix) {
    const ggml_type convolution = matrix == GGML_TYPE_F32 ? GGML_TYPE_F32 : GGML_TYPE_F16;
    const int64_t audio = h.n_audio_state;
    const int64_t text = h.n_text_state;
    std::map<std::string, Expected> tensors = {
        {"encoder.positional_embedding", {{audio, h.n_audio_ctx}, GGML_TYPE_F32}},
        {"encoder.conv1.weight", {{3, h.n_mels, audio}, convolution}},
        {"encoder.conv1.bias", {{1, audio}, GGML_TYPE_F32}},
        {"encoder.conv2.weight", {{3, audio, audio}, convolution}},
        {"encoder.conv2.bias", {{1, audio}, GGML_TYPE_F32}},
        {"encoder.ln_post.weight", {{audio}, GGML_TYPE_F32}},
        {"encoder.ln_post.bias", {{audio}, GGML_TYPE_F32}},
        {"decoder.positional_embedding", {{text, h.n_text_ctx}, GGML_TYPE_F32}},
        {"decoder.token_embedding.weight", {{text, h.n_vocab}, matrix}},
        {"decoder.ln.weight", {{text}, GGML_TYPE_F32}},
        {"decoder.ln.bias", {{text}, GGML_TYPE_F32}},
    };
    for (int32_t i = 0; i < h.n_audio_layer; ++i) {
        expect_block(tensors, "encoder.blocks." + number(i) + ".", audio, matrix, false);
    }
    for (int32_t i = 0; i < h.n_text_layer; ++i) {
        expect_block(tensors, "decoder.blocks." + number(i) + ".", text, matrix, true);
    }
    return tensors;
}

TensorEntry read_tensor_header(FileReader& file) {
    const int32_t n_dims = file.read_i32("a tensor's header");
    const int32_t length = file.read_i32("a tensor's header");
    TensorEntry tensor;
    tensor.type = file.read_i32("a tensor's header");
    if (n_dims < 1 || n_dims > 3) file.fail("a tensor has " + number(n_dims) + " dimensions, expected 1 to 3");
    if (length < 1 || length > 128) file.fail("a tensor's name has a length of " + number(length) + " bytes");
    for (int32_t i = 0; i < n_dims; ++i) tensor.ne.push_back(file.read_i32("a tensor's header"));
    tensor.name = file.read_string(static_cast<uint64_t>(length), "a tensor's name");
    return tensor;
}

void check_tensor(const FileReader& file, const TensorEntry& tensor, const Expected& expected) {
    // Trailing dimensions of 1 may be left out: whisper.cpp's own converters differ on biases.
    std::vector<int64_t> ne = tensor.ne;
    std::vector<int64_t> wanted = expected.ne;
    ne.resize(3, 1);
    wanted.resize(3, 1);
    if (ne != wanted) {
        file.fail("tensor " + tensor.name + " has the shape " + shape(tensor.ne) + ", expected " + shape(expected.ne));
    }
    if (tensor.type != expected.type) {
        file.fail("tensor " + tensor.name + " has type " + number(tensor.type) + ", expected " +
                  ggml_type_name(expected.type));
    }
    if (expected.ne[0] % ggml_blck_size(expected.type) != 0) {
        file.fail("tensor " + tensor.name + " cannot be " + ggml_type_name(expected.type) + ": its rows of " +
                  number(expected.ne[0]) + " are no multiple of " + number(ggml_blck_size(expected.type)));
    }
}

}  // namespace

std::string WhisperFile::type() const {
    switch (hparams.n_audio_state) {
        case 384:
            return "tiny";
        case 512:
            return "base";
        case 768:
            return "small";
        case 1024:
            return "medium";
        case 1280:
            return "large";
        default:
            return "custom";
    }
}

WhisperFile read_whisper_file(const std::string& path) {
    FileReader file(path);
    const auto magic = static_cast<uint32_t>(file.read_i32("its first bytes"));
    if (magic == kGgufMagic) file.fail("it is a GGUF file; Whisper models are ggml .bin files (magic \"lmgg\")");
    if (magic != kMagic) file.fail("it does not begin with the magic \"lmgg\" of ggml .bin models");

    WhisperFile result;
    result.bytes = file.size();
    result.hparams = read_hyper_parameters(file);
    const ggml_type matrix = weight_type(file, result.hparams.ftype);
    result.weight_type = ggml_type_name(matrix);
    skip_mel_filters(file, result.hparams.n_mels);
    result.vocabulary_offset = file.position();
    read_words(file, result.hparams);
    result.tensors_offset = file.position();

    const std::map<std::string, Expected> expected = expected_tensors(result.hparams, matrix);
    std::set<std::string> seen;
    while (file.remaining() > 0) {
        TensorEntry tensor = read_tensor_header(file);
        const auto entry = expected.find(tensor.name);
        if (entry == expected.end()) file.fail("it has an unknown tensor \"" + tensor.name + "\"");
        if (!seen.insert(tensor.name).second) file.fail("it has tensor " + tensor.name + " twice");
        check_tensor(file, tensor, entry->second);
        tensor.offset = file.position();
        tensor.bytes = ggml_row_size(entry->second.type, entry->second.ne[0]);
        for (size_t i = 1; i < entry->second.ne.size(); ++i) tensor.bytes *= static_cast<uint64_t>(entry->second.ne[i]);
        file.skip(tensor.bytes, ("tensor " + tensor.name).c_str());
        result.tensors.push_back(std::move(tensor));
    }
    if (seen.size() != expected.size()) {
        for (const auto& [name, unused] : expected) {
            if (seen.count(name) == 0) {
                file.fail("it has " + number(static_cast<int64_t>(seen.size())) + " of " +
                          number(static_cast<int64_t>(expected.size())) + " tensors; " + name + " is missing");
            }
        }
    }
    return result;
}

}  // namespace agora
