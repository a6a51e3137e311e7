// Work that is not a graph, on the threads of one.
#pragma once

#include <functional>
#include <memory>

#include "engine/device/compute.h"

struct ggml_context;

namespace agora {

class Parallel {
  public:
    // On a GPU it works on the calling thread alone.
    explicit Parallel(Compute& compute);
    ~Parallel();
    Parallel(const Parallel&) = delete;
    Parallel& operator=(const Parallel&) = delete;

    // Calls `work(thread, threads)` once on every thread of the CPU's compute, and waits. What it throws, once for all
    // threads, is thrown here.
    void run(const std::function<void(int thread, int threads)>& work);

  private:
    struct Node;
    CpuCompute* compute_;  // null: a GPU
    std::unique_ptr<Node> node_;
};

}  // namespace agora
