// Bytes with a scale for each 256 inputs, which are for AMX's tiles: in a whole network on any processor, and what a
// turn of tiles leaves behind.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "engine/decoder/packed_network.h"
#include "engine/encoder/encoder.h"
#include "engine/kernels/product.h"
#include "engine/kernels/tile_turn.h"
#include "model_writer.h"
#include "numbers.h"

namespace {

// Of the first token, after a window of tones.
std::vector<float> logits_of(const std::string& path, const agora::Precision& precision,
                             const agora::KernelSet& kernels) {
    const agora::WhisperFile file = agora::read_whisper_file(path);
    agora::CpuCompute compute(2);
    agora::PackedNetwork network(path, file, precision, kernels, compute);
    std::vector<float> mel(static_cast<size_t>(file.hparams.n_mels) * 2 * agora::Encoder::kFrames);
    for (size_t i = 0; i < mel.size(); ++i) mel[i] = std::sin(static_cast<float>(i % 977) * 0.37f);
    const auto window = network.decoder().new_window();
    const auto sequence = network.decoder().new_sequence();
    REQUIRE(network.encode({{mel.data(), window.get()}}, nullptr));
    const float* logits = network.decoder().run({{sequence.get(), window.get(), 0, {1, 2, 3}}}, nullptr);
    return {logits, logits + file.hparams.n_vocab};
}

}  // namespace

TEST_CASE(
    "a network whose MLPs and cross-attention have long blocks hears what one in floats hears, without tiles too") {
    const agora::KernelSet& plain = *agora::kernel_sets().back();
    REQUIRE(plain.multiplies(agora::Arithmetic::Int8By256));
    // 320 inputs: a whole block and a part of one.
    const TemporaryFile model(random_model({320, 1, 1, 448}, 11, 1));
    agora::Precision precision = agora::choose_precision(agora::ComputeType::Int8, true, plain);
    precision.encoder = agora::Arithmetic::BF16;
    precision.long_blocks = true;
    const std::vector<float> expected =
        logits_of(model.path(), agora::choose_precision(agora::ComputeType::F32, false, plain), plain);
    const double error = relative_error(logits_of(model.path(), precision, plain), expected);
    MESSAGE("relative error " << error);
    CHECK(error > 0);
    CHECK(error < 3e-2);
}

#if defined(__x86_64__)
TEST_CASE("products on tiles leave a thread's tiles as ggml has configured them") {
    const agora::KernelSet& kernels = *agora::kernel_sets().front();
    if (!kernels.bf16.on_tiles) return;
    // What ggml has in this thread, for later tests.
    alignas(64) uint8_t before[64];
    __asm__ volatile("sttilecfg %0" : "=m"(before));
    alignas(64) uint8_t theirs[64] = {};
    theirs[0] = 1;
    for (int tile = 0; tile < 8; ++tile) {
        theirs[16 + 2 * tile] = 32;
        theirs[48 + tile] = static_cast<uint8_t>(1 + tile);
    }
    __asm__ volatile("ldtilecfg %0" ::"m"(theirs));
    const auto kept = [&] {
        alignas(64) uint8_t now[64];
        __asm__ volatile("sttilecfg %0" : "=m"(now));
        return std::memcmp(now, theirs, sizeof now) == 0;
    };
    REQUIRE(kept());
    agora::PackedMatrix weights(agora::Storage::BF16, 64, 64);
    const std::vector<float> zeros(16 * 64);
    for (int strip = 0; strip < weights.strips(); ++strip) weights.pack(strip, zeros.data(), 16);
    std::vector<uint8_t> rows(40 * 128 + 64);
    std::vector<float> output(40 * 64);
    agora::Product product;
    product.weights = &weights;
    product.arithmetic = agora::Arithmetic::BF16;
    product.rows = rows.data();
    product.row_stride = 128;
    product.count = 40;
    product.output = reinterpret_cast<uint8_t*>(output.data());
    product.output_stride = 64 * sizeof(float);
    agora::multiply(kernels, product, 0, 1);
    CHECK(kept());
    try {
        const agora::TileTurn turn(kernels.bf16);
        agora::multiply(kernels, product, 0, 1);
        CHECK_FALSE(kept());
        throw 1;
    } catch (int) {
        CHECK(kept());
    }
    __asm__ volatile("ldtilecfg %0" ::"m"(before));
}
#endif
