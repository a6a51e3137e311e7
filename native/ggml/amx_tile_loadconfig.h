// Included before every C++ file of ggml's CPU backends when GCC compiles them.
//
// GCC 12 declares that _tile_loadconfig reads 8 bytes of the 64-byte tile configuration. The stores to the rest look
// dead, are dropped, and the first tile load dies with SIGILL. Clang is right, and so is this form, which names all
// 64 bytes as read.
#pragma once

#if defined(__AMX_TILE__) && defined(__GNUC__) && !defined(__clang__)
#include <immintrin.h>
#define _tile_loadconfig(config) __asm__ volatile("ldtilecfg %0" ::"m"(*reinterpret_cast<const char(*)[64]>(config)))
#endif
