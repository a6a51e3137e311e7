// The arithmetic of the CPU engine for one instruction set. Every set computes the same, to rounding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/kernels/packed_matrix.h"

namespace agora {

// What a product multiplies in, and the format of the rows that it takes. Sums are float.
//   F32:  float [inputs]
//   BF16: bfloat16 [inputs]
//   Int8: int8 [inputs]; float [inputs / 32], their scales; int32 [inputs / 32], -128 times their sums, which undoes
//         the 128 that 8-bit weights are stored with
//   Int8By256: int8 [inputs]; float [inputs / 256, rounded up], their scales
enum class Arithmetic { F32, BF16, Int8, Int8By256 };

size_t row_bytes(Arithmetic arithmetic, int inputs);

enum class Activation {
    None,
    GeluTanh,  // the approximation that whisper.cpp takes
    Gelu,
};

// Weights that come after a product's: as many cache lines of them as are to be fetched for each 32 inputs.
struct Ahead {
    const uint8_t* weights = nullptr;
    int lines = 0;
};

// Products of up to `rows` rows with two neighbouring strips.
struct TileKernel {
    int rows = 0;
    // tile[row][0..31] for `count` rows; `a_stride` in bytes, `tile_stride` in floats. `inputs` is a multiple of 32.
    void (*run)(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next_strip,
                int inputs, float* tile, size_t tile_stride) = nullptr;
    // The same, and on the way the weights ahead come from memory; fetched all at once they would be waited for. Null
    // where a set has no such kernel.
    void (*run_ahead)(int count, const uint8_t* a, size_t a_stride, const uint8_t* strip, const uint8_t* next_strip,
                      int inputs, float* tile, size_t tile_stride, Ahead ahead) = nullptr;
    bool on_tiles = false;  // AMX's, which a TileTurn keeps configured
};

// What is done with a tile of a product: (activation(tile + bias)) + residual, written in the format of `output`, which
// is any but Int8By256.
struct TileEnd {
    const float* bias = nullptr;      // [32]
    const float* residual = nullptr;  // row 0
    size_t residual_stride = 0;       // floats
    Activation activation = Activation::None;
    Arithmetic format = Arithmetic::F32;
    uint8_t* output = nullptr;  // row 0
    size_t output_stride = 0;   // bytes
    int column = 0;             // of the tile's first output; a multiple of 32
    int columns = 32;           // outputs to write, fewer than 32 in the last tile of an F32 row
    int width = 0;              // outputs of a row
};

// Work on rows, which row_kernels.inc has for every set.
struct RowKernels {
    void (*finish)(int count, float* tile, size_t tile_stride, const TileEnd& end);
    // (x - mean) / sqrt(variance + 1e-5) · weight + bias, in the given format.
    void (*norm)(const float* x, int width, const float* weight, const float* bias, Arithmetic format, uint8_t* row);
    // A row of floats in the given format.
    void (*narrow)(const float* x, int width, Arithmetic format, uint8_t* row);
    // A row of bfloat16 as one of Int8By256.
    void (*quantise)(const uint16_t* x, int width, uint8_t* row);
    // exp(scale · (x - max)) of `count` values, and 0 up to `padded`, a multiple of 32, in the given format, any but
    // Int8By256; returns the sum. `row` may be x itself where the format is F32; x is lost where it is another.
    float (*exp_row)(float* x, int count, int padded, float scale, Arithmetic format, uint8_t* row);
    // 8-bit strips as bfloat16 or float strips.
    void (*widen_bf16)(const uint8_t* strip, int inputs, uint8_t* output);
    void (*widen_f32)(const uint8_t* strip, int inputs, uint8_t* output);
    // 32 rows of 16 values, `stride` floats apart, as one block of an 8-bit strip: inputs are rows, outputs columns.
    void (*pack_block)(const float* x, size_t stride, uint8_t* block);
    // x / sqrt(mean(x²) + epsilon) · weight, in the given format, any but Int8By256.
    void (*rms_norm)(const float* x, int width, const float* weight, float epsilon, Arithmetic format, uint8_t* row);
    // gate / (1 + exp(-gate)) · up, in the given format, any but Int8By256. `width` is a multiple of 32.
    void (*swiglu)(const float* gate, const float* up, int width, Arithmetic format, uint8_t* row);
    // The pairs x[i], x[i + half] turned by angles, of which the cosines and sines are given. In place, too.
    void (*rotate)(const float* x, const float* cosines, const float* sines, int half, float* output);
    // One step of `width` cells of an LSTM: `gates` [4][width], input, forget, cell and output gate before their
    // activations; `cell` [width] is updated, `hidden` [width] written.
    void (*lstm_cell)(const float* gates, int width, float* cell, float* hidden);
};

struct KernelSet : RowKernels {
    const char* name;
    bool sums_bytes;    // whether an instruction sums products of bytes, so that 8-bit ones take a third of float ones
    TileKernel f32[3];  // by storage: F32, F16, BF16
    TileKernel bf16;    // rows 0 where the set has no such arithmetic
    TileKernel int8;
    TileKernel int8_by_256 = {};  // rows 0 where the set has none, which float and 8-bit arithmetic stand in for

    bool multiplies(Arithmetic arithmetic) const {
        if (arithmetic == Arithmetic::BF16) return bf16.rows > 0;
        return arithmetic != Arithmetic::Int8By256 || int8_by_256.rows > 0;
    }
};

// Sets that this processor runs, best first; the last is plain C++.
const std::vector<const KernelSet*>& kernel_sets();

}  // namespace agora
