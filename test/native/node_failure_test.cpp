#include <doctest/doctest.h>

#include <algorithm>
#include <new>
#include <vector>

#include "engine/encoder/graph.h"
#include "engine/encoder/graph_parts.h"
#include "engine/kernels/graph.h"

namespace {

// A chain of nodes that count themselves, of which one may throw.
struct Chain {
    explicit Chain(int throws_at = -1)
        : nodes(*agora::kernel_sets().front(), compute), graph(compute.backend(), 32, [&](ggml_context* context) {
              ggml_tensor* last = nullptr;
              for (int i = 0; i < 20; ++i) {
                  std::vector<ggml_tensor*> inputs;
                  if (last != nullptr) inputs.push_back(last);
                  last = nodes.custom(context, GGML_TYPE_F32, 32, 4, inputs,
                                      [this, i, throws_at](ggml_tensor*, int thread, int) {
                                          if (i == throws_at && thread == 1) throw std::bad_alloc();
                                          if (thread == 0) computed.push_back(i);
                                      });
              }
              return last;
          }) {}

    agora::CpuCompute compute{2};
    std::vector<int> computed;
    agora::KernelNodes nodes;
    agora::Graph graph;
};

}  // namespace

TEST_CASE("what a node throws on any thread stops its graph and is thrown where that was run, once") {
    Chain chain(5);
    CHECK_THROWS_AS(chain.compute.run(chain.graph.get(), nullptr), std::bad_alloc);
    CHECK(chain.computed.size() < 20);
    Chain whole;
    CHECK(whole.compute.run(whole.graph.get(), nullptr));
    CHECK(whole.computed.size() == 20);
}

TEST_CASE("a graph in parts computes each node once, in order, however long the parts are") {
    for (const double seconds : {0.0, 1e-5, 1e-3, 10.0}) {
        CAPTURE(seconds);
        Chain chain;
        agora::GraphParts parts(chain.graph.get());
        for (int run = 0; run < 3; ++run) {
            chain.computed.clear();
            parts.begin();
            agora::Progress progress = agora::Progress::Unfinished;
            while (progress == agora::Progress::Unfinished) progress = parts.go_on(chain.compute, seconds, nullptr);
            CHECK(progress == agora::Progress::Done);
            REQUIRE(chain.computed.size() == 20);
            CHECK(std::is_sorted(chain.computed.begin(), chain.computed.end()));
        }
    }
}
