#include "engine/borealis/llama_model.h"

#include <llama.h>

#include <algorithm>
#include <mutex>

#include "engine/device/operations.h"
#include "engine/error.h"
#include "engine/log.h"
#include "engine/model/tensor_memory.h"

namespace agora {
namespace {

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

}  // namespace

LlamaModel load_llama_model(const std::string& path, const LanguageFile& file, LlamaPart part) {
    start_libllama();
    take_last_error();
    const bool gpu = part == LlamaPart::OnGpu;
    ggml_backend_dev_t devices[] = {gpu ? first_gpu() : nullptr, nullptr};
    if (gpu) check_memory(path, devices[0], file.bytes);
    llama_model_params params = llama_model_default_params();
    params.devices = devices;
    params.split_mode = LLAMA_SPLIT_MODE_NONE;
    params.main_gpu = gpu ? 0 : -1;
    params.n_gpu_layers = gpu ? -1 : 0;
    params.vocab_only = part == LlamaPart::Vocabulary;
    // A mapped file that is changed while it is in use ends the process.
    params.use_mmap = false;
    // All layouts or none: libllama asks for no single matrix.
    params.use_extra_bufts = std::all_of(file.tensors.begin(), file.tensors.end(), [](const TensorEntry& tensor) {
        return tensor.ne.size() != 2 || multiplies_right("AMX", tensor);
    });
    LlamaModel model(llama_model_load_from_file(path.c_str(), params), [](llama_model* loaded) {
        if (loaded != nullptr) llama_model_free(loaded);
    });
    if (model) return model;
    // What is in the file has been looked through: a GPU that does not take it may lack more than memory.
    throw Error(gpu ? ErrorCode::DeviceUnavailable : ErrorCode::ModelInvalid,
                "The model file " + path + " cannot be loaded" + (gpu ? " to the GPU" : "") + llama_reason());
}

std::string llama_reason() {
    const std::string message = take_last_error();
    return message.empty() ? "" : ": " + message;
}

}  // namespace agora
