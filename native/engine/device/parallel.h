// Work that is not a graph, on the threads of one.
#pragma once

#include <functional>
#include <memory>

#include "engine/device/compute.h"

struct ggml_context;

namespace agora {

class Parallel {
  public:
    explicit Parallel(CpuCompute& compute);
    ~Parallel();
    Parallel(const Parallel&) = delete;
    Parallel& operator=(const Parallel&) = delete;

    // Calls `work(thread, threads)` once on every thread of the compute, and waits. What it throws, once for all
    // threads, is thrown here.
    void run(const std::function<void(int thread, int threads)>& work);

  private:
    struct Node;
    CpuCompute& compute_;
    std::unique_ptr<Node> node_;
};

}  // namespace agora
