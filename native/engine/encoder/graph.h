// Pieces that the encoder's and the decoder's graphs have in common, and running a graph.
#pragma once

#include <ggml-backend.h>
#include <ggml-cpp.h>

#include <functional>
#include <memory>
#include <utility>
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

// Memory for what graphs compute, which take turns in it: as large as the largest of them needs. It stays warm in the
// cache, and no page of it is given back and asked for again.
class GraphMemory {
  public:
    explicit GraphMemory(ggml_backend_t backend)
        : type_(ggml_backend_get_default_buffer_type(backend)), allocator_(ggml_gallocr_new(type_)) {}

    // Gives every node its place. False where there is not so much memory.
    bool lay_out(ggml_cgraph* graph) {
        const size_t before = bytes();
        const bool fits =
            ggml_gallocr_reserve(allocator_.get(), graph) && ggml_gallocr_alloc_graph(allocator_.get(), graph);
        if (bytes() != before) ++generation_;
        return fits;
    }

    // Gives it back, and all places with it.
    void release() {
        allocator_.reset(ggml_gallocr_new(type_));
        ++generation_;
    }

    size_t bytes() const { return ggml_gallocr_get_buffer_size(allocator_.get(), 0); }
    // Another one after it grew, failed to, or was released: graphs that were laid out before have lost their places.
    int generation() const { return generation_; }

  private:
    ggml_backend_buffer_type_t type_;
    ggml_gallocr_ptr allocator_;
    int generation_ = 0;
};

// A graph: built once, computed as often as its inputs change.
class Graph {
  public:
    using Results = std::vector<ggml_tensor*>;

    // With memory of its own. `build` makes the nodes and returns the last one.
    Graph(ggml_backend_t backend, size_t max_nodes, const std::function<ggml_tensor*(ggml_context*)>& build)
        : Graph(backend, max_nodes, [&](ggml_context* context) { return Results{build(context)}; }) {}

    // The same with several results.
    Graph(ggml_backend_t backend, size_t max_nodes, const std::function<Results(ggml_context*)>& build)
        : Graph(std::make_unique<GraphMemory>(backend), max_nodes, build) {}

    // In memory that it shares with others, which outlives it.
    Graph(GraphMemory& memory, size_t max_nodes, const std::function<ggml_tensor*(ggml_context*)>& build)
        : Graph(memory, max_nodes, [&](ggml_context* context) { return Results{build(context)}; }) {}

    bool allocated() const { return allocated_; }
    ggml_cgraph* get() const { return graph_; }
    // Its nodes, and what they compute where that is not in shared memory.
    size_t bytes() const { return ggml_get_mem_size(context_.get()) + (own_ != nullptr ? own_->bytes() : 0); }
    ggml_tensor* result() const { return results_.front(); }
    const Results& results() const { return results_; }

  private:
    Graph(std::unique_ptr<GraphMemory> own, size_t max_nodes, const std::function<Results(ggml_context*)>& build)
        : Graph(*own, max_nodes, build) {
        own_ = std::move(own);
    }

    Graph(GraphMemory& memory, size_t max_nodes, const std::function<Results(ggml_context*)>& build)
        : context_(ggml_init(
              {ggml_tensor_overhead() * max_nodes + ggml_graph_overhead_custom(max_nodes, false), nullptr, true})) {
        graph_ = ggml_new_graph_custom(context_.get(), max_nodes, false);
        results_ = build(context_.get());
        for (ggml_tensor* result : results_) {
            ggml_set_output(result);
            ggml_build_forward_expand(graph_, result);
        }
        allocated_ = memory.lay_out(graph_);
    }

    ggml_context_ptr context_;
    std::unique_ptr<GraphMemory> own_;  // none where it is shared
    ggml_cgraph* graph_ = nullptr;
    Results results_;
    bool allocated_ = false;
};

}  // namespace agora
