#include "engine/borealis/packed_language_weights.h"

#include <algorithm>

#include "engine/model/named_tensors.h"

namespace agora {
namespace {

Storage storage_of(const TensorEntry& tensor) {
    switch (static_cast<ggml_type>(tensor.type)) {
        case GGML_TYPE_F32:
            return Storage::F32;
        case GGML_TYPE_F16:
            return Storage::F16;
        case GGML_TYPE_BF16:
            return Storage::BF16;
        default:
            return Storage::Int8;
    }
}

}  // namespace

PackedLanguageWeights::PackedLanguageWeights(const std::string& path, const LanguageFile& file, Parallel& parallel) {
    const NamedTensors tensors(path, file.tensors);
    const InParts in_parts = [&](const Part& work) { parallel.run(work); };
    const auto floats = [&](const std::string& name) {
        return tensors.has(name) ? tensors.floats(name) : std::vector<float>();
    };
    // The matrices `block` + name, one after another, in the widest of their types.
    const auto linear = [&](const std::string& block, std::vector<std::string> names) {
        Storage storage = Storage::Int8;
        for (std::string& name : names) {
            name.insert(0, block);
            storage = std::min(storage, storage_of(tensors.at(name + ".weight")));
        }
        return tensors.linear(names, storage, in_parts);
    };
    for (int64_t i = 0; i < file.layers; ++i) {
        const std::string name = "blk." + std::to_string(i) + ".";
        PackedLanguageBlock block;
        block.attention_norm = floats(name + "attn_norm.weight");
        block.query_key_value = linear(name, {"attn_q", "attn_k", "attn_v"});
        block.query_norm = floats(name + "attn_q_norm.weight");
        block.key_norm = floats(name + "attn_k_norm.weight");
        block.attention_out = linear(name, {"attn_output"});
        block.feed_forward_norm = floats(name + "ffn_norm.weight");
        block.gate_up = linear(name, {"ffn_gate", "ffn_up"});
        block.down = linear(name, {"ffn_down"});
        blocks.push_back(std::move(block));
    }
    norm = floats("output_norm.weight");
    // Without a matrix of its own, the output layer is the table of embeddings.
    const bool has_own_head = tensors.has("output.weight");
    head = linear("", {has_own_head ? "output" : "token_embd"});
    if (has_own_head) tensors.look_through("token_embd.weight");
}

}  // namespace agora
