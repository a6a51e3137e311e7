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

namespace {

#if defined(__x86_64__)

// Not every compiler's __builtin_cpu_supports() knows its name.
bool has_avx_vnni() {
    unsigned a, b, c, d;
    constexpr unsigned kAvxVnni = 1u << 4;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & kAvxVnni) != 0;
}

#if defined(__linux__)
// Whether this processor and system have AMX, and a product of small integers, which is exact, comes out right.
bool amx_works() {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    constexpr unsigned kAmxBf16 = 1u << 22;
    constexpr unsigned kAmxTile = 1u << 24;
    if ((d & kAmxBf16) == 0 || (d & kAmxTile) == 0 || !AmxTiles::permitted()) return false;
    constexpr int kInputs = 64;
    std::vector<BFloat> rows(32 * kInputs);
    std::vector<BFloat> strips(32 * kInputs);
    for (size_t i = 0; i < rows.size(); ++i) {
        rows[i] = to_bfloat(static_cast<float>(i * 7 % 13) - 6);
        strips[i] = to_bfloat(static_cast<float>(i * 5 % 11) - 5);
    }
    const auto product = [&](const TileKernel& kernel) {
        std::vector<float> tile(32 * 32);
        for (int row = 0; row < 32; row += kernel.rows) {
            kernel.run(std::min(kernel.rows, 32 - row), reinterpret_cast<const uint8_t*>(&rows[row * kInputs]),
                       kInputs * 2, reinterpret_cast<const uint8_t*>(strips.data()),
                       reinterpret_cast<const uint8_t*>(&strips[16 * kInputs]), kInputs, &tile[row * 32], 32);
        }
        return tile;
    };
    return product({32, multiply_amx<AmxTiles>}) == product(plain_kernels().bf16);
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
        if (amx_works()) {
            KernelSet amx = sets.front();
            amx.name = "amx-bf16";
            amx.bf16 = {32, multiply_amx<AmxTiles>, nullptr, true};
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
