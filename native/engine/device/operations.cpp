#include "engine/device/operations.h"

#include "engine/error.h"

namespace agora {
namespace {

// A GPU's libraries take memory of their own while they compute, and end the process where there is none.
constexpr size_t kWorkspace = size_t{512} << 20;

}  // namespace

void check_operations(ggml_backend_dev_t device, ggml_cgraph* graph) {
    for (int i = 0; i < ggml_graph_n_nodes(graph); ++i) {
        const ggml_tensor* node = ggml_graph_node(graph, i);
        if (ggml_backend_dev_supports_op(device, node)) continue;
        std::string operands;
        for (const ggml_tensor* source : node->src) {
            if (source != nullptr) operands += std::string(operands.empty() ? "" : ", ") + ggml_type_name(source->type);
        }
        throw Error(ErrorCode::DeviceUnavailable, std::string("The device ") + ggml_backend_dev_description(device) +
                                                      " cannot compute " + ggml_op_desc(node) + " of " + operands +
                                                      ", which the model needs");
    }
}

void check_memory(const std::string& path, ggml_backend_dev_t device, size_t bytes) {
    if (ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU) return;
    size_t free = 0;
    size_t total = 0;
    ggml_backend_dev_memory(device, &free, &total);
    if (free >= bytes + kWorkspace) return;
    const auto mebibytes = [](size_t count) { return std::to_string(count >> 20) + " MiB"; };
    throw Error(ErrorCode::OutOfMemory, "No memory for " + path + " on " + ggml_backend_dev_description(device) + ": " +
                                            mebibytes(free) + " are free, " + mebibytes(bytes + kWorkspace) +
                                            " needed; a lower batchSize takes less");
}

}  // namespace agora
