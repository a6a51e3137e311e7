#include "engine/borealis/language_file.h"

#include <ggml.h>

#include <set>
#include <unordered_set>

namespace agora {
namespace {

// llama.cpp's own limit on layers is 512.
constexpr int64_t kMaxLayers = 512;
constexpr int64_t kMaxWidth = 1 << 16;
constexpr int64_t kMaxVocabulary = 1 << 20;
constexpr int64_t kMaxContext = 1 << 24;
constexpr int64_t kMaxTokenLength = 1024;
// llama_token_type: 1 normal … 6 byte.
constexpr int64_t kTokenTypes = 6;
// llama_ftype is below this; it only tells what most tensors are, but llama.cpp makes its enumeration of any number.
constexpr int64_t kFileTypes = 1024;

// Settings that change what llama.cpp computes. Others of the architecture or the tokenizer are refused: they would
// mean something that nobody has looked at here.
const std::set<std::string> kModelKeys = {
    "block_count",          "context_length",         "embedding_length",
    "feed_forward_length",  "attention.head_count",   "attention.head_count_kv",
    "attention.key_length", "attention.value_length", "attention.layer_norm_rms_epsilon",
    "rope.freq_base",       "rope.dimension_count",   "vocab_size"};
const std::set<std::string> kTokenizerKeys = {
    "ggml.model",         "ggml.pre",           "ggml.tokens",       "ggml.token_type",
    "ggml.merges",        "ggml.eos_token_id",  "ggml.bos_token_id", "ggml.padding_token_id",
    "ggml.add_bos_token", "ggml.add_eos_token", "chat_template"};

void check_keys(const GgufFile& file, const std::string& prefix, const std::set<std::string>& known) {
    for (const auto& [key, unused] : file.metadata()) {
        if (key.rfind(prefix, 0) == 0 && known.count(key.substr(prefix.size())) == 0)
            file.fail("it has the value " + key + ", which is not known here");
        if (key.rfind("split.", 0) == 0) file.fail("it is one part of several; join them first");
    }
}

template <typename List>
const List& list(const GgufFile& file, const std::string& key) {
    const auto* values = file.find<List>(key);
    if (values == nullptr) file.fail("it lacks the value " + key);
    return *values;
}

bool is_utf8(const std::string& text) {
    for (size_t i = 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const size_t length = byte < 0x80 ? 1 : byte >= 0xF0 && byte < 0xF5 ? 4 : byte >= 0xE0 ? 3 : 2;
        if (byte >= 0x80 && (byte < 0xC2 || byte >= 0xF5)) return false;
        if (length > text.size() - i) return false;
        for (size_t k = 1; k < length; ++k) {
            if ((static_cast<unsigned char>(text[i + k]) & 0xC0) != 0x80) return false;
        }
        i += length;
    }
    return true;
}

void check_tokenizer(const GgufFile& file, int64_t vocabulary) {
    check_keys(file, "tokenizer.", kTokenizerKeys);
    if (file.text("tokenizer.ggml.model") != "gpt2")
        file.fail("tokenizer.ggml.model is \"" + file.text("tokenizer.ggml.model") + "\", expected \"gpt2\"");
    if (file.text("tokenizer.ggml.pre") != "qwen2")
        file.fail("tokenizer.ggml.pre is \"" + file.text("tokenizer.ggml.pre") + "\", expected \"qwen2\"");
    const auto& tokens = list<std::vector<std::string>>(file, "tokenizer.ggml.tokens");
    const auto& types = list<GgufNumbers>(file, "tokenizer.ggml.token_type");
    const auto count = static_cast<int64_t>(tokens.size());
    if (count != vocabulary) {
        file.fail("it has " + std::to_string(count) + " tokens for " + std::to_string(vocabulary) + " embeddings");
    }
    if (types.size != tokens.size()) {
        file.fail("it has " + std::to_string(types.size) + " token types for " + std::to_string(count) + " tokens");
    }
    std::unordered_set<std::string> seen;
    for (size_t i = 0; i < tokens.size(); ++i) {
        const std::string name = "token " + std::to_string(i);
        if (tokens[i].empty() || tokens[i].size() > kMaxTokenLength || !is_utf8(tokens[i]))
            file.fail(name + " is empty, too long or no UTF-8");
        if (!seen.insert(tokens[i]).second) file.fail(name + " is there twice");
        const int64_t type = types.integer(i);
        if (type < 1 || type > kTokenTypes) file.fail(name + " has the type " + std::to_string(type));
    }
    const auto& merges = list<std::vector<std::string>>(file, "tokenizer.ggml.merges");
    for (size_t i = 0; i < merges.size(); ++i) {
        const size_t blank = merges[i].find(' ', 1);
        if (blank == std::string::npos || blank + 1 == merges[i].size() || !is_utf8(merges[i]))
            file.fail("merge " + std::to_string(i) + " is no pair of tokens");
    }
    file.integer("tokenizer.ggml.eos_token_id", 0, vocabulary - 1);
    for (const char* key : {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.padding_token_id"}) {
        if (file.find<int64_t>(key) != nullptr) file.integer(key, 0, vocabulary - 1);
    }
    for (const char* key : {"tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token"}) {
        const bool* value = file.find<bool>(key);
        if (value != nullptr && *value) file.fail(std::string(key) + " is true, expected false");
    }
    file.find<std::string>("tokenizer.chat_template");
}

ExpectedTensors expected_tensors(const LanguageFile& model) {
    const bool is_qwen3 = model.architecture == "qwen3";
    const int64_t query = model.heads * model.head_width;
    const int64_t key = model.kv_heads * model.head_width;
    ExpectedTensors tensors;
    tensors.matrix("token_embd.weight", model.width, model.vocabulary);
    tensors.floats("output_norm.weight", {model.width});
    tensors.optional_matrix("output.weight", model.width, model.vocabulary);
    for (int64_t i = 0; i < model.layers; ++i) {
        const std::string block = "blk." + std::to_string(i) + ".";
        tensors.floats(block + "attn_norm.weight", {model.width});
        tensors.matrix(block + "attn_q.weight", model.width, query);
        tensors.matrix(block + "attn_k.weight", model.width, key);
        tensors.matrix(block + "attn_v.weight", model.width, key);
        tensors.matrix(block + "attn_output.weight", query, model.width);
        if (is_qwen3) {
            tensors.floats(block + "attn_q_norm.weight", {model.head_width});
            tensors.floats(block + "attn_k_norm.weight", {model.head_width});
        } else {
            tensors.floats(block + "attn_q.bias", {query});
            tensors.floats(block + "attn_k.bias", {key});
            tensors.floats(block + "attn_v.bias", {key});
        }
        tensors.floats(block + "ffn_norm.weight", {model.width});
        tensors.matrix(block + "ffn_gate.weight", model.width, model.feed_forward);
        tensors.matrix(block + "ffn_up.weight", model.width, model.feed_forward);
        tensors.matrix(block + "ffn_down.weight", model.feed_forward, model.width);
    }
    return tensors;
}

}  // namespace

LanguageFile read_language_file(const std::string& path) {
    const GgufFile file(path);
    LanguageFile model;
    model.bytes = file.bytes();
    model.architecture = file.text("general.architecture");
    if (model.architecture != "qwen2" && model.architecture != "qwen3")
        file.fail("its architecture is \"" + model.architecture + "\", expected \"qwen2\" or \"qwen3\"");
    if (file.metadata().count("general.file_type") != 0) file.integer("general.file_type", 0, kFileTypes - 1);
    const std::string prefix = model.architecture + ".";
    check_keys(file, prefix, kModelKeys);
    const auto integer = [&](const char* key, int64_t highest) { return file.integer(prefix + key, 1, highest); };
    model.layers = integer("block_count", kMaxLayers);
    model.context_length = integer("context_length", kMaxContext);
    model.width = integer("embedding_length", kMaxWidth);
    model.feed_forward = integer("feed_forward_length", 16 * kMaxWidth);
    model.heads = integer("attention.head_count", kMaxWidth);
    model.kv_heads = file.metadata().count(prefix + "attention.head_count_kv") == 0
                         ? model.heads
                         : integer("attention.head_count_kv", model.heads);
    if (model.heads % model.kv_heads != 0) {
        file.fail(std::to_string(model.heads) + " heads cannot share " + std::to_string(model.kv_heads) +
                  " heads of keys and values");
    }
    if (model.width % model.heads != 0)
        file.fail(prefix + "embedding_length is " + std::to_string(model.width) + ", no multiple of its heads");
    model.head_width = model.width / model.heads;
    if (model.architecture == "qwen3") {
        model.head_width = integer("attention.key_length", 1024);
        if (integer("attention.value_length", 1024) != model.head_width)
            file.fail("keys and values of its heads differ in width");
    }
    // Positions turn pairs of values.
    if (model.head_width % 2 != 0) file.fail("its heads are " + std::to_string(model.head_width) + " wide");
    for (const char* key : {"rope.dimension_count", "attention.key_length", "attention.value_length"}) {
        if (file.metadata().count(prefix + key) != 0) file.integer(prefix + key, model.head_width, model.head_width);
    }
    model.rope_base = static_cast<float>(file.positive(prefix + "rope.freq_base"));
    model.norm_epsilon = static_cast<float>(file.positive(prefix + "attention.layer_norm_rms_epsilon"));

    model.tensors = file.tensors();
    for (const TensorEntry& tensor : file.tensors()) {
        if (tensor.name == "token_embd.weight") model.embeddings = tensor;
        if (tensor.name == "blk.0.attn_q.weight")
            model.weight_type = ggml_type_name(static_cast<ggml_type>(tensor.type));
    }
    if (model.embeddings.ne.size() != 2) file.fail("tensor token_embd.weight is missing or no matrix");
    model.vocabulary = model.embeddings.ne[1];
    if (model.vocabulary > kMaxVocabulary) file.fail("it has " + std::to_string(model.vocabulary) + " embeddings");
    if (file.metadata().count(prefix + "vocab_size") != 0)
        file.integer(prefix + "vocab_size", model.vocabulary, model.vocabulary);
    expected_tensors(model).check(file);
    check_tokenizer(file, model.vocabulary);
    return model;
}

}  // namespace agora
