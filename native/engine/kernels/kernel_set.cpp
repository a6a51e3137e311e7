#include "engine/kernels/kernel_set.h"

#include <algorithm>

#include "engine/kernels/neon.h"
#include "engine/kernels/number_formats.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/kernels/amx_product.h"
#include "engine/kernels/amx_tiles.h"
#endif

namespace agora {

const KernelSet& plain_kernels();
KernelSet avx2_kernels(bool vnni);
KernelSet avx512_kernels(bool bf16, bool vnni);
#if defined(__x86_64__) && defined(__linux__)
AddScaled add_scaled_avx512;
#endif

namespace {

#if defined(__x86_64__)

// Not every compiler's __builtin_cpu_supports() knows its name.
bool has_avx_vnni() {
    unsigned a, b, c, d;
    constexpr unsigned kAvxVnni = 1u << 4;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & kAvxVnni) != 0;
}

#if defined(__linux__)
// Of 32 rows and 32 outputs, each with 64 inputs.
std::vector<float> small_product(const TileKernel& kernel, const std::vector<uint8_t>& rows, size_t row_stride,
                                 const PackedMatrix& weights) {
    std::vector<float> tile(32 * 32);
    for (int row = 0; row < 32; row += kernel.rows) {
        kernel.run(std::min(kernel.rows, 32 - row), rows.data() + static_cast<size_t>(row) * row_stride, row_stride,
                   weights.strip(0), weights.strip(1), weights.inputs(), &tile[row * 32], 32);
    }
    return tile;
}

// Whether products of small integers, which are exact, come out as they do in plain C++.
bool tiles_work(const TileKernel& tiles, const TileKernel& plain, Arithmetic arithmetic, Storage storage) {
    constexpr int kInputs = 64;
    std::vector<float> weights(32 * kInputs);
    std::vector<float> values(32 * kInputs);
    for (size_t i = 0; i < values.size(); ++i) {
        // Scales of bytes are powers of two.
        values[i] = i % kInputs == 0 ? 127 : static_cast<float>(i * 7 % 13) - 6;
        weights[i] = i % kInputs == 1 ? 127 : static_cast<float>(i * 5 % 11) - 5;
    }
    PackedMatrix matrix(storage, kInputs, 32);
    for (int strip = 0; strip < 2; ++strip) matrix.pack(strip, &weights[static_cast<size_t>(strip * 16 * kInputs)], 16);
    const size_t stride = row_bytes(arithmetic, kInputs);
    std::vector<uint8_t> rows(32 * stride + 64);
    for (size_t row = 0; row < 32; ++row)
        plain_kernels().narrow(&values[row * kInputs], kInputs, arithmetic, rows.data() + row * stride);
    return small_product(tiles, rows, stride, matrix) == small_product(plain, rows, stride, matrix);
}

// What this processor and system have of AMX, and what works.
struct AmxKernels {
    TileKernel bf16, int8_by_256;
};

AmxKernels amx_kernels() {
    AmxKernels kernels;
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return kernels;
    constexpr unsigned kAmxBf16 = 1u << 22;
    constexpr unsigned kAmxTile = 1u << 24;
    constexpr unsigned kAmxInt8 = 1u << 25;
    if ((d & kAmxBf16) == 0 || (d & kAmxTile) == 0 || !AmxTiles::permitted()) return kernels;
    const TileKernel floats = {32, multiply_amx<AmxTiles>, nullptr, true};
    if (!tiles_work(floats, plain_kernels().bf16, Arithmetic::BF16, Storage::BF16)) return kernels;
    kernels.bf16 = floats;
    const TileKernel bytes = {32, multiply_amx_bytes<AmxTiles, add_scaled_avx512>, nullptr, true};
    if ((d & kAmxInt8) != 0 &&
        tiles_work(bytes, plain_kernels().int8_by_256, Arithmetic::Int8By256, Storage::Int8By256)) {
        kernels.int8_by_256 = bytes;
    }
    return kernels;
}
#endif

#endif

#if defined(__aarch64__)

// What the processor has, by the bits of Linux (arch/arm64/include/uapi/asm/hwcap.h); elsewhere only what all have.
struct ArmFeatures {
    bool dotprod = false;
    bool i8mm = false;
    bool bf16 = false;
};

ArmFeatures arm_features() {
#if defined(__linux__)
    const unsigned long first = getauxval(AT_HWCAP);
    const unsigned long second = getauxval(AT_HWCAP2);
    return {(first >> 20 & 1) != 0, (second >> 13 & 1) != 0, (second >> 14 & 1) != 0};
#else
    return {};
#endif
}

#endif

std::vector<KernelSet> usable_sets() {
    std::vector<KernelSet> sets;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq")) {
        const bool bf16 = __builtin_cpu_supports("avx512bf16") != 0;
        const bool vnni = __builtin_cpu_supports("avx512vnni") != 0;
        if (bf16) sets.push_back(avx512_kernels(true, vnni));
        if (vnni) sets.push_back(avx512_kernels(false, true));
        sets.push_back(avx512_kernels(false, false));
#if defined(__linux__)
        const AmxKernels tiles = amx_kernels();
        if (tiles.bf16.rows > 0) {
            KernelSet amx = sets.front();
            amx.name = tiles.int8_by_256.rows > 0 ? "amx-bf16-int8" : "amx-bf16";
            amx.bf16 = tiles.bf16;
            amx.int8_by_256 = tiles.int8_by_256;
            sets.insert(sets.begin(), amx);
        }
#endif
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        if (has_avx_vnni()) sets.push_back(avx2_kernels(true));
        sets.push_back(avx2_kernels(false));
    }
#endif
#if defined(__aarch64__)
    const ArmFeatures has = arm_features();
    if (has.i8mm && has.bf16) sets.push_back(neon_kernels("neon-i8mm-bf16", NeonBytes::I8mm, true));
    if (has.i8mm) sets.push_back(neon_kernels("neon-i8mm", NeonBytes::I8mm, false));
    if (has.dotprod) sets.push_back(neon_kernels("neon-dotprod", NeonBytes::DotProd, false));
    sets.push_back(neon_kernels("neon", NeonBytes::Widened, false));
#endif
    sets.push_back(plain_kernels());
    return sets;
}

}  // namespace

#if defined(__x86_64__) && defined(__linux__)
bool AmxTiles::permitted() {
    constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
    constexpr int kTileData = 18;
    static const bool granted = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
    return granted;
}
#endif

size_t row_bytes(Arithmetic arithmetic, int inputs) {
    const auto count = static_cast<size_t>(inputs);
    switch (arithmetic) {
        case Arithmetic::F32:
            return count * 4;
        case Arithmetic::BF16:
            return count * 2;
        case Arithmetic::Int8By256:
            return count + (count + PackedMatrix::kLongBlock - 1) / PackedMatrix::kLongBlock * sizeof(float);
        case Arithmetic::Int8:
            break;
    }
    return count + count / 32 * 8;
}

const std::vector<const KernelSet*>& kernel_sets() {
    static const std::vector<KernelSet> sets = usable_sets();
    static const std::vector<const KernelSet*> pointers = [] {
        std::vector<const KernelSet*> result;
        for (const KernelSet& set : sets) result.push_back(&set);
        return result;
    }();
    return pointers;
}

}  // namespace agora
