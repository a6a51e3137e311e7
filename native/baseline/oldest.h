// The oldest versions of glibc's symbols on a processor, and how to call them.
#pragma once

#if defined(__x86_64__)
#define OLDEST "GLIBC_2.2.5"
#define OLDEST_AFFINITY "GLIBC_2.3.4"
#define OLDEST_DLMOPEN "GLIBC_2.3.4"
#define OLDEST_PROTOCOL "GLIBC_2.4"
#elif defined(__aarch64__)
#define OLDEST "GLIBC_2.17"
#define OLDEST_AFFINITY "GLIBC_2.17"
#define OLDEST_DLMOPEN "GLIBC_2.17"
#define OLDEST_PROTOCOL "GLIBC_2.17"
#else
#error "The oldest version of glibc's symbols is not known for this processor"
#endif

#define HIDDEN __attribute__((visibility("hidden")))

// Declares `old_NAME`, the function of that version.
#define OLD_VERSION(version, result, name, ...) \
    extern result old_##name(__VA_ARGS__);      \
    __asm__(".symver old_" #name "," #name "@" version)
#define OLD(...) OLD_VERSION(OLDEST, __VA_ARGS__)
