// Pieces that the encoder's and the decoder's graphs have in common, and running a graph.
#pragma once

#include <ggml-backend.h>
#include <ggml-cpp.h>

#include <functional>
#include <vector>

#include "engine/model/whisper_weights.h"

namespace agora {

// x·Wᵀ + b
inline ggml_tensor* apply(ggml_context* context, const Linear& layer, ggml_tensor* x) {
    ggml_tensor* y = ggml_mul_mat(context, layer.weight, x);
    return layer.bias != nullptr ? ggml_add(context, y, layer.bias) : y;
}

inline ggml_tensor* apply(ggml_context* context, const LayerNorm& norm, ggml_tensor* x) {
    return ggml_add(context, ggml_mul(context, ggml_norm(context, x, 1e-5f), norm.weight), norm.bias);
}

// By the error function where `exact`, else by its tanh approximation.
inline ggml_tensor* gelu(ggml_context* context, ggml_tensor* x, bool exact) {
    return exact ? ggml_gelu_erf(context, x) : ggml_gelu(context, x);
}

// x + W₂·gelu(W₁·norm(x))
inline ggml_tensor* apply_mlp(ggml_context* context, const Block& block, ggml_tensor* x, bool exact_gelu) {
    ggml_tensor* hidden = gelu(context, apply(context, block.up, apply(context, block.mlp_norm, x)), exact_gelu);
    return ggml_add(context, x, apply(context, block.down, hidden));
}

// A graph with its memory: built once, computed as often as its inputs change.
class Graph {
  public:
    // `build` makes the nodes and returns the last one.
    Graph(ggml_backend_t backend, size_t max_nodes, const std::function<ggml_tensor*(ggml_context*)>& build)
        : Graph(backend, max_nodes, [&](ggml_context* context) { return std::vector<ggml_tensor*>{build(context)}; }) {}

    // The same with several results.
    Graph(ggml_backend_t backend, size_t max_nodes,
          const std::function<std::vector<ggml_tensor*>(ggml_context*)>& build)
        : context_(ggml_init(
              {ggml_tensor_overhead() * max_nodes + ggml_graph_overhead_custom(max_nodes, false), nullptr, true})),
          allocator_(ggml_gallocr_new(ggml_backend_get_default_buffer_type(backend))) {
        graph_ = ggml_new_graph_custom(context_.get(), max_nodes, false);
        results_ = build(context_.get());
        for (ggml_tensor* result : results_) {
            ggml_set_output(result);
            ggml_build_forward_expand(graph_, result);
        }
        allocated_ = ggml_gallocr_alloc_graph(allocator_.get(), graph_);
    }

    bool allocated() const { return allocated_; }
    ggml_cgraph* get() const { return graph_; }
    // Memory of its nodes and of what they compute.
    size_t bytes() const {
        return ggml_get_mem_size(context_.get()) + ggml_gallocr_get_buffer_size(allocator_.get(), 0);
    }
    ggml_tensor* result() const { return results_.front(); }
    const std::vector<ggml_tensor*>& results() const { return results_; }

  private:
    ggml_context_ptr context_;
    ggml_gallocr_ptr allocator_;
    ggml_cgraph* graph_ = nullptr;
    std::vector<ggml_tensor*> results_;
    bool allocated_ = false;
};

}  // namespace agora
