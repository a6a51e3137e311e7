#include "engine/borealis/llama_network.h"

#include <ggml.h>
#include <llama.h>

#include <algorithm>
#include <utility>

#include "engine/error.h"
#include "engine/log.h"

namespace agora {
namespace {

// Rows that are computed at once: the most that one window brings, nearly.
constexpr uint32_t kComputedRows = 512;
// llama.cpp rounds a sequence's memory up to this.
constexpr int kCapacityStep = 256;

}  // namespace

void LlamaNetwork::Deleter::operator()(llama_context* context) const {
    llama_free(context);
}

LlamaNetwork::LlamaNetwork(LlamaModel model, const LanguageFile& file, CpuCompute& compute, int threads, int sequences,
                           int capacity, bool gpu)
    : model_(std::move(model)),
      width_(static_cast<size_t>(file.width)),
      capacity_((capacity + kCapacityStep - 1) / kCapacityStep * kCapacityStep) {
    llama_context_params params = llama_context_default_params();
    params.n_seq_max = static_cast<uint32_t>(sequences);
    params.n_ctx = static_cast<uint32_t>(capacity_) * params.n_seq_max;
    params.n_batch = static_cast<uint32_t>(capacity_) + params.n_seq_max;
    params.n_ubatch = std::min(params.n_batch, kComputedRows);
    params.n_outputs_max = params.n_seq_max;
    params.n_threads = threads;
    params.n_threads_batch = threads;
    // Sequences of their own memory: one that is read does not look through the others'.
    params.kv_unified = false;
    const bool exact = file.weight_type == ggml_type_name(GGML_TYPE_F32);
    params.type_k = exact ? GGML_TYPE_F32 : GGML_TYPE_F16;
    params.type_v = params.type_k;
    // On the CPU, ggml's fused attention sums up in 16 bits when there are few rows: a hundredth of a logit is lost.
    params.flash_attn_type = gpu ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    take_last_error();
    context_.reset(llama_init_from_model(model_.get(), params));
    if (!context_) throw Error(ErrorCode::OutOfMemory, "No memory for the language model's sequences" + llama_reason());
    if (compute.pool() != nullptr) llama_attach_threadpool(context_.get(), compute.pool(), compute.pool());
}

const float* LlamaNetwork::decode(const std::vector<LanguageInput>& inputs) {
    batch_rows_.clear();
    std::vector<llama_pos> positions;
    std::vector<llama_seq_id> sequences;
    std::vector<int8_t> wanted;
    for (const LanguageInput& input : inputs) {
        const auto count = static_cast<int>(input.rows->size() / width_);
        const int start = length(input.sequence);
        if (count == 0 || start + count > capacity_)
            throw Error(ErrorCode::Internal, "A sequence does not fit into the language model's memory");
        batch_rows_.insert(batch_rows_.end(), input.rows->begin(), input.rows->end());
        for (int i = 0; i < count; ++i) positions.push_back(start + i);
        sequences.insert(sequences.end(), static_cast<size_t>(count), input.sequence);
        wanted.insert(wanted.end(), static_cast<size_t>(count), 0);
        wanted.back() = 1;
    }
    if (sequences.size() > llama_n_batch(context_.get()))
        throw Error(ErrorCode::Internal, "More rows at once than the language model was made for");
    std::vector<int32_t> one(sequences.size(), 1);
    std::vector<llama_seq_id*> each;
    for (llama_seq_id& sequence : sequences) each.push_back(&sequence);

    llama_batch batch{};
    batch.n_tokens = static_cast<int32_t>(sequences.size());
    batch.embd = batch_rows_.data();
    batch.pos = positions.data();
    batch.n_seq_id = one.data();
    batch.seq_id = each.data();
    batch.logits = wanted.data();
    take_last_error();
    const int status = llama_decode(context_.get(), batch);
    if (status != 0) {
        llama_memory_clear(llama_get_memory(context_.get()), false);
        throw Error(ErrorCode::Internal, "The language model failed (" + std::to_string(status) + ")" + llama_reason());
    }
    return llama_get_logits(context_.get());
}

int LlamaNetwork::length(int sequence) const {
    return llama_memory_seq_pos_max(llama_get_memory(context_.get()), sequence) + 1;
}

void LlamaNetwork::truncate(int sequence, int length) {
    llama_memory_seq_rm(llama_get_memory(context_.get()), sequence, length, -1);
}

void LlamaNetwork::copy(int from, int to) {
    llama_memory_t memory = llama_get_memory(context_.get());
    llama_memory_seq_rm(memory, to, -1, -1);
    llama_memory_seq_cp(memory, from, to, -1, -1);
}

void LlamaNetwork::move(int from, int to) {
    copy(from, to);
    truncate(from, 0);
}

}  // namespace agora
