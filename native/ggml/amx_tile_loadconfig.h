// Included before every C++ file of ggml's CPU backends when GCC compiles them.
//
// GCC 12 declares that _tile_loadconfig reads 8 bytes of the 64-byte tile configuration. The stores to the rest look
// dead, are dropped, and the first tile load dies with SIGILL. Clang is right, and so is this form, which names all
// 64 bytes as read.
//
// Its _tile_loadd does not say that it reads memory at all, so that stores to the tile could be moved behind it.
#pragma once

#if defined(__AMX_TILE__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>
#define _tile_loadconfig(config) __asm__ volatile("ldtilecfg %0" ::"m"(*reinterpret_cast<const char(*)[64]>(config)))
#undef _tile_loadd
#undef _tile_loadd_internal
#define _tile_loadd(tile, base, stride) _tile_loadd_internal(tile, base, stride)
#define _tile_loadd_internal(tile, base, stride)                                               \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile ::"r"(static_cast<const void*>(base)), \
                     "r"(static_cast<long>(stride))                                            \
                     : "memory")
#endif
