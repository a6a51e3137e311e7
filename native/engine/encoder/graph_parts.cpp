#include "engine/encoder/graph_parts.h"

#include <ggml.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace agora {
namespace {

// Nodes at once as long as it is not known how long they take.
constexpr int kFirstNodes = 4;

double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

GraphParts::GraphParts(ggml_cgraph* graph)
    : graph_(graph),
      nodes_(ggml_graph_n_nodes(graph)),
      context_(ggml_init({ggml_graph_overhead_custom(static_cast<size_t>(nodes_), false), nullptr, true})),
      part_(ggml_new_graph_custom(context_.get(), static_cast<size_t>(nodes_), false)) {}

// Nodes that take about so long; the rest where little more is left.
int GraphParts::count_for(double seconds) const {
    const int left = nodes_ - next_;
    if (std::isinf(seconds)) return left;
    if (node_seconds_ == 0) return std::min(left, kFirstNodes);
    const double count = std::max(1.0, seconds / (node_seconds_ * share_));
    return left <= 1.25 * count ? left : static_cast<int>(count);
}

bool GraphParts::run(Compute& compute, int count, const std::atomic<bool>* stop) {
    if (count == nodes_) return compute.run(graph_, stop);
    ggml_graph_clear(part_);
    for (int i = 0; i < count; ++i) ggml_graph_add_node(part_, ggml_graph_node(graph_, next_ + i));
    return compute.run(part_, stop);
}

Progress GraphParts::go_on(Compute& compute, double seconds, const std::atomic<bool>* stop) {
    const double start = now();
    int computed = 0;
    double elapsed = 0;
    do {
        const int count = count_for(seconds - elapsed);
        if (!run(compute, count, stop)) return Progress::Stopped;
        next_ += count;
        computed += count;
        elapsed = now() - start;
    } while (next_ < nodes_ && node_seconds_ == 0 && elapsed < seconds);
    const double each = elapsed / computed / share_;
    // Products and what is between them take turns: several parts together tell best.
    node_seconds_ = node_seconds_ == 0 ? each : node_seconds_ + (each - node_seconds_) / 4;
    return next_ < nodes_ ? Progress::Unfinished : Progress::Done;
}

}  // namespace agora
