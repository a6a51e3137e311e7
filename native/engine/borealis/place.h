// Where Borealis is computed.
#pragma once

namespace agora {

enum class BorealisPlace {
    Cpu,       // by the CPU kernels where they take its shapes, else by ggml and libllama
    Portable,  // on the CPU what a GPU would run, for tests and measurements
    Gpu,       // on the first GPU of the loaded backends: the encoder by ggml, the language model by libllama
};

}  // namespace agora
