#include "engine/device/operations.h"

#include <string>

#include "engine/error.h"

namespace agora {

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

}  // namespace agora
