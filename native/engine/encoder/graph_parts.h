// A graph that is computed in parts, so that others can have its device in between.
#pragma once

#include <ggml-cpp.h>

#include "engine/device/compute.h"

namespace agora {

enum class Progress { Unfinished, Done, Stopped };

class GraphParts {
  public:
    // `graph` must outlive this. Nobody else may use its memory between two parts.
    explicit GraphParts(ggml_cgraph* graph);

    // From the first node on, of which about `share` is computed.
    void begin(double share = 1) {
        next_ = 0;
        share_ = share;
    }
    // Computes for about so many seconds, at least one node. Throws as Compute::run() does.
    Progress go_on(Compute& compute, double seconds, const std::atomic<bool>* stop);

  private:
    int count_for(double seconds) const;
    bool run(Compute& compute, int count, const std::atomic<bool>* stop);

    ggml_cgraph* graph_;
    int nodes_;
    int next_ = 0;
    double share_ = 1;
    double node_seconds_ = 0;  // of one, on average
    ggml_context_ptr context_;
    ggml_cgraph* part_;
};

}  // namespace agora
