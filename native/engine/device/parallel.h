// Work that is not a graph, on the threads of one.
#pragma once

#include <memory>

#include "engine/device/compute.h"
#include "engine/parts.h"

struct ggml_context;

namespace agora {

class Parallel {
  public:
    // On a GPU it works on the calling thread alone.
    explicit Parallel(Compute& compute);
    ~Parallel();
    Parallel(const Parallel&) = delete;
    Parallel& operator=(const Parallel&) = delete;

    // Does a part on every thread of the CPU's compute, and waits. What one throws, once for all threads, is thrown
    // here.
    void run(const Part& work);

    // run() of one that lives as long as the function. `compute` must outlive that.
    static InParts on(Compute& compute);

  private:
    struct Node;
    CpuCompute* compute_;  // null: a GPU
    std::unique_ptr<Node> node_;
};

}  // namespace agora
