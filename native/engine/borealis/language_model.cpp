#include "engine/borealis/language_model.h"

#include <ggml.h>
#include <llama.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "engine/error.h"
#include "engine/log.h"

namespace agora {
namespace {

// Rows that are computed at once: the most that one window brings, nearly.
constexpr uint32_t kComputedRows = 512;
// llama.cpp rounds a sequence's memory up to this.
constexpr int kCapacityStep = 256;

void start_libllama() {
    static std::once_flag once;
    std::call_once(once, llama_backend_init);
}

ggml_backend_dev_t first_gpu() {
    for (size_t i = 0; i < ggml_backend_dev_count(); ++i) {
        ggml_backend_dev_t device = ggml_backend_dev_get(i);
        if (ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_GPU) return device;
    }
    throw Error(ErrorCode::DeviceUnavailable, "No GPU is there for the language model");
}

std::string reason() {
    const std::string message = take_last_error();
    return message.empty() ? "" : ": " + message;
}

}  // namespace

void LanguageModel::Deleter::operator()(llama_model* model) const {
    llama_model_free(model);
}

void LanguageModel::Deleter::operator()(llama_context* context) const {
    llama_free(context);
}

LanguageModel::LanguageModel(const std::string& path, const LanguageFile& file, CpuCompute& compute, int threads,
                             int sequences, int capacity, bool gpu)
    : file_(file),
      capacity_((capacity + kCapacityStep - 1) / kCapacityStep * kCapacityStep),
      table_(path, std::ios::binary) {
    start_libllama();
    take_last_error();
    ggml_backend_dev_t devices[] = {gpu ? first_gpu() : nullptr, nullptr};
    llama_model_params model = llama_model_default_params();
    model.devices = devices;
    model.split_mode = LLAMA_SPLIT_MODE_NONE;
    model.main_gpu = gpu ? 0 : -1;
    model.n_gpu_layers = gpu ? -1 : 0;
    // A mapped file that is changed while it is in use ends the process.
    model.use_mmap = false;
    model_.reset(llama_model_load_from_file(path.c_str(), model));
    if (!model_) throw Error(ErrorCode::ModelInvalid, "The model file " + path + " cannot be loaded" + reason());
    vocabulary_ = llama_model_get_vocab(model_.get());

    llama_context_params context = llama_context_default_params();
    context.n_seq_max = static_cast<uint32_t>(sequences);
    context.n_ctx = static_cast<uint32_t>(capacity_) * context.n_seq_max;
    context.n_batch = static_cast<uint32_t>(capacity_) + context.n_seq_max;
    context.n_ubatch = std::min(context.n_batch, kComputedRows);
    context.n_outputs_max = context.n_seq_max;
    context.n_threads = threads;
    context.n_threads_batch = threads;
    // Sequences of their own memory: one that is read does not look through the others'.
    context.kv_unified = false;
    const bool exact = file.weight_type == ggml_type_name(GGML_TYPE_F32);
    context.type_k = exact ? GGML_TYPE_F32 : GGML_TYPE_F16;
    context.type_v = context.type_k;
    // On the CPU, ggml's fused attention sums up in 16 bits when there are few rows: a hundredth of a logit is lost.
    context.flash_attn_type = gpu ? LLAMA_FLASH_ATTN_TYPE_ENABLED : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    context_.reset(llama_init_from_model(model_.get(), context));
    if (!context_) throw Error(ErrorCode::OutOfMemory, "No memory for the language model's sequences" + reason());
    if (compute.pool() != nullptr) llama_attach_threadpool(context_.get(), compute.pool(), compute.pool());

    table_row_.resize(ggml_row_size(static_cast<ggml_type>(file.embeddings.type), file.width));
}

std::vector<int> LanguageModel::tokenize(const std::string& text) const {
    const auto length = static_cast<int32_t>(text.size());
    // Never more tokens than bytes.
    std::vector<int> tokens(text.size());
    const int count = llama_tokenize(vocabulary_, text.data(), length, tokens.data(), length, false, false);
    if (count < 0) throw Error(ErrorCode::Internal, "A text of " + std::to_string(length) + " bytes has no tokens");
    tokens.resize(static_cast<size_t>(count));
    return tokens;
}

int LanguageModel::special(const std::string& text) const {
    int tokens[2];
    const auto length = static_cast<int32_t>(text.size());
    if (llama_tokenize(vocabulary_, text.data(), length, tokens, 2, false, true) != 1)
        throw Error(ErrorCode::ModelInvalid, "The language model's vocabulary has no token " + text);
    return tokens[0];
}

std::string LanguageModel::text_of(int token) const {
    char bytes[256];
    int length = llama_token_to_piece(vocabulary_, token, bytes, sizeof(bytes), 0, false);
    if (length >= 0) return {bytes, static_cast<size_t>(length)};
    std::string longer(static_cast<size_t>(-length), '\0');
    length = llama_token_to_piece(vocabulary_, token, longer.data(), -length, 0, false);
    return longer.substr(0, static_cast<size_t>(std::max(length, 0)));
}

bool LanguageModel::is_end(int token) const {
    return llama_vocab_is_eog(vocabulary_, token);
}

void LanguageModel::embed(int token, std::vector<float>& rows) {
    table_.seekg(static_cast<std::streamoff>(file_.embeddings.offset + static_cast<size_t>(token) * table_row_.size()));
    table_.read(table_row_.data(), static_cast<std::streamsize>(table_row_.size()));
    if (!table_) throw Error(ErrorCode::ModelInvalid, "The language model's file changed while it was in use");
    const size_t start = rows.size();
    rows.resize(start + static_cast<size_t>(file_.width));
    const auto type = static_cast<ggml_type>(file_.embeddings.type);
    if (type == GGML_TYPE_F32) {
        std::memcpy(&rows[start], table_row_.data(), table_row_.size());
    } else {
        ggml_get_type_traits(type)->to_float(table_row_.data(), &rows[start], file_.width);
    }
}

const std::vector<float>& LanguageModel::decode(const std::vector<LanguageInput>& inputs) {
    const auto width = static_cast<size_t>(file_.width);
    batch_rows_.clear();
    std::vector<llama_pos> positions;
    std::vector<llama_seq_id> sequences;
    std::vector<int8_t> wanted;
    std::vector<int32_t> last;
    for (const LanguageInput& input : inputs) {
        const auto count = static_cast<int>(input.rows->size() / width);
        const int start = length(input.sequence);
        if (count == 0 || start + count > capacity_)
            throw Error(ErrorCode::Internal, "A sequence does not fit into the language model's memory");
        batch_rows_.insert(batch_rows_.end(), input.rows->begin(), input.rows->end());
        for (int i = 0; i < count; ++i) positions.push_back(start + i);
        sequences.insert(sequences.end(), static_cast<size_t>(count), input.sequence);
        wanted.insert(wanted.end(), static_cast<size_t>(count), 0);
        wanted.back() = 1;
        last.push_back(static_cast<int32_t>(wanted.size()) - 1);
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
        throw Error(ErrorCode::Internal, "The language model failed (" + std::to_string(status) + ")" + reason());
    }
    const auto size = static_cast<size_t>(file_.vocabulary);
    logits_.resize(last.size() * size);
    for (size_t i = 0; i < last.size(); ++i)
        std::copy_n(llama_get_logits_ith(context_.get(), last[i]), size, &logits_[i * size]);
    return logits_;
}

int LanguageModel::length(int sequence) const {
    return llama_memory_seq_pos_max(llama_get_memory(context_.get()), sequence) + 1;
}

void LanguageModel::truncate(int sequence, int length) {
    llama_memory_seq_rm(llama_get_memory(context_.get()), sequence, length, -1);
}

void LanguageModel::copy(int from, int to) {
    llama_memory_t memory = llama_get_memory(context_.get());
    llama_memory_seq_rm(memory, to, -1, -1);
    llama_memory_seq_cp(memory, from, to, -1, -1);
}

}  // namespace agora
