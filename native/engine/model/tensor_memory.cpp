#include "engine/model/tensor_memory.h"

#include <fstream>

#include "engine/error.h"
#include "engine/model/finite.h"

namespace agora {
namespace {

constexpr int kTypicalRows = 512;

// Buffer types of `device`, the specialised layouts for matrix products first.
std::vector<ggml_backend_buffer_type_t> matrix_buffer_types(ggml_backend_dev_t device) {
    std::vector<ggml_backend_buffer_type_t> types;
    ggml_backend_reg_t registry = ggml_backend_dev_backend_reg(device);
    const auto extra = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(
        ggml_backend_reg_get_proc_address(registry, "ggml_backend_dev_get_extra_bufts"));
    if (extra != nullptr) {
        for (ggml_backend_buffer_type_t* type = extra(device); type != nullptr && *type != nullptr; ++type)
            types.push_back(*type);
    }
    types.push_back(ggml_backend_dev_buffer_type(device));
    return types;
}

// Whether `device` multiplies with `weight` when it lies in a buffer of `type`.
bool supports_product(ggml_backend_dev_t device, ggml_backend_buffer_type_t type, const TensorEntry& entry) {
    const ggml_context_ptr context(ggml_init({4 * ggml_tensor_overhead(), nullptr, true}));
    ggml_tensor* weight =
        ggml_new_tensor_2d(context.get(), static_cast<ggml_type>(entry.type), entry.ne[0], entry.ne[1]);
    ggml_tensor* input = ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, entry.ne[0], kTypicalRows);
    ggml_tensor* product = ggml_mul_mat(context.get(), weight, input);
    const ggml_backend_buffer_ptr buffer(ggml_backend_buft_alloc_buffer(type, 0));
    weight->buffer = buffer.get();
    return ggml_backend_dev_supports_op(device, product);
}

// Whether ggml is to have `weight` in a buffer of `type`.
bool may_lie_in(ggml_backend_buffer_type_t type, ggml_backend_dev_t device, const TensorEntry& entry) {
    return multiplies_right(ggml_backend_buft_name(type), entry) && supports_product(device, type, entry);
}

// Tables of positions and of tokens are added or looked up, not (only) multiplied with; whisper.cpp calls them
// “…embedding”, llama.cpp “…embd”.
bool is_matrix(const TensorEntry& entry) {
    const auto is_called = [&](const char* part) { return entry.name.find(part) != std::string::npos; };
    return entry.ne.size() == 2 && entry.ne[0] > 1 && !is_called("embedding") && !is_called("embd");
}

}  // namespace

bool multiplies_right(const std::string& layout, const TensorEntry& matrix) {
    const int64_t block = ggml_blck_size(static_cast<ggml_type>(matrix.type));
    return layout != "AMX" || block == 1 || matrix.ne[0] > block;
}

TensorMemory::TensorMemory(const std::string& path, const std::vector<TensorEntry>& tensors,
                           ggml_backend_dev_t device) {
    const std::vector<ggml_backend_buffer_type_t> types =
        device == nullptr ? std::vector{ggml_backend_cpu_buffer_type()} : matrix_buffer_types(device);
    std::map<ggml_backend_buffer_type_t, ggml_context*> contexts;
    for (const TensorEntry& entry : tensors) {
        ggml_backend_buffer_type_t type = types.back();
        if (device != nullptr && is_matrix(entry)) {
            for (ggml_backend_buffer_type_t candidate : types) {
                if (!may_lie_in(candidate, device, entry)) continue;
                type = candidate;
                break;
            }
        }
        ggml_context*& context = contexts[type];
        if (context == nullptr) {
            contexts_.emplace_back(ggml_init({tensors.size() * ggml_tensor_overhead(), nullptr, true}));
            context = contexts_.back().get();
        }
        // Biases of convolutions are [1, D] in files; all use is along D.
        std::vector<int64_t> ne = entry.ne;
        if (ne.size() == 2 && ne[0] == 1) ne = {ne[1]};
        ggml_tensor* tensor =
            ggml_new_tensor(context, static_cast<ggml_type>(entry.type), static_cast<int>(ne.size()), ne.data());
        ggml_set_name(tensor, entry.name.c_str());
        tensors_[entry.name] = tensor;
    }
    for (const auto& [type, context] : contexts) {
        buffers_.emplace_back(ggml_backend_alloc_ctx_tensors_from_buft(context, type));
        if (!buffers_.back()) throw Error(ErrorCode::OutOfMemory, "No memory for the model " + path);
        ggml_backend_buffer_set_usage(buffers_.back().get(), GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
    }

    std::ifstream stream(path, std::ios::binary);
    std::vector<char> bytes;
    for (const TensorEntry& entry : tensors) {
        bytes.resize(entry.bytes);
        stream.seekg(static_cast<std::streamoff>(entry.offset));
        stream.read(bytes.data(), static_cast<std::streamsize>(entry.bytes));
        if (!stream) throw Error(ErrorCode::ModelInvalid, "The model file " + path + " changed while it was read");
        require_finite(path, entry, bytes.data(), bytes.size());
        ggml_backend_tensor_set(tensors_.at(entry.name), bytes.data(), 0, bytes.size());
    }
}

ggml_tensor* TensorMemory::find(const std::string& name) const {
    const auto tensor = tensors_.find(name);
    return tensor == tensors_.end() ? nullptr : tensor->second;
}

}  // namespace agora
