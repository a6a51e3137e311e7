#include "engine/device/parallel.h"

#include <ggml.h>

#include <exception>

namespace agora {

// A graph of a single node, whose computation is the work.
struct Parallel::Node {
    const Part* work = nullptr;
    CpuCompute* compute = nullptr;
    float value = 0;
    ggml_context_ptr context;
    ggml_cgraph* graph = nullptr;

    static void work_on(ggml_tensor*, int thread, int threads, void* data) {
        const auto& node = *static_cast<Node*>(data);
        try {
            (*node.work)(thread, threads);
        } catch (...) {
            node.compute->node_failed(std::current_exception());
        }
    }
};

Parallel::Parallel(Compute& compute) : compute_(dynamic_cast<CpuCompute*>(&compute)), node_(std::make_unique<Node>()) {
    constexpr size_t kNodes = 4;
    node_->compute = compute_;
    node_->context.reset(
        ggml_init({kNodes * ggml_tensor_overhead() + ggml_graph_overhead_custom(kNodes, false), nullptr, true}));
    node_->graph = ggml_new_graph_custom(node_->context.get(), kNodes, false);
    ggml_tensor* result = ggml_custom_4d(node_->context.get(), GGML_TYPE_F32, 1, 1, 1, 1, nullptr, 0, Node::work_on,
                                         GGML_N_TASKS_MAX, node_.get());
    result->data = &node_->value;
    ggml_build_forward_expand(node_->graph, result);
}

Parallel::~Parallel() = default;

InParts Parallel::on(Compute& compute) {
    return [parallel = std::make_shared<Parallel>(compute)](const Part& work) { parallel->run(work); };
}

void Parallel::run(const Part& work) {
    if (compute_ == nullptr) return work(0, 1);
    node_->work = &work;
    compute_->run(node_->graph, nullptr);
}

}  // namespace agora
