// Silero's network for voice activity detection, versions 5 and 6 at 16 kHz.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "engine/kernels/dense.h"

namespace agora {

// Whether a frame of 512 samples is speech: its spectrum, four convolutions in time, and an LSTM from frame to frame.
// Source: github.com/snakers4/silero-vad, as whisper.cpp computes it (whisper_vad_build_graph()).
//
// All but the LSTM's own state is computed for many frames at once.
class SileroNetwork {
  public:
    static constexpr int kFrameSamples = 512;
    static constexpr int kWidth = 128;  // of the LSTM

    // What is remembered from frame to frame; zeros where a stream begins.
    struct State {
        std::array<float, kWidth> hidden{};
        std::array<float, kWidth> cell{};
    };

    // Reads a model. Throws ModelNotFound, ModelInvalid, OutOfMemory.
    SileroNetwork(const std::string& path, const KernelSet& kernels);

    // Speech probabilities of `count` frames, which lie one behind the other in `samples`.
    std::vector<float> run(const float* samples, size_t count, State& state);

  private:
    // Of three taps, padded with a step of zeros on both sides, and max(x, 0).
    struct Convolution {
        PackedLinear layer;  // inputs: [3][channels]
        size_t channels;
        size_t step;
    };

    void run_some(const float* samples, size_t count, State& state, float* probabilities);
    void spectra(const float* samples, size_t count);
    size_t convolve(const Convolution& convolution, size_t count, size_t length);

    const KernelSet& kernels_;
    PackedLinear basis_;  // real parts of the Fourier transform, then imaginary ones
    std::vector<Convolution> convolutions_;
    PackedLinear input_, recurrent_;  // of the LSTM: gates [input, forget, cell, output]
    std::vector<float> last_;         // [kWidth]
    float last_bias_;

    // Kept from call to call: rows that are multiplied, what comes out, and the signal, [count][length][channels].
    std::vector<float> rows_, products_, signal_;
};

}  // namespace agora
