// Has what is linked with this file ask libstdc++ for nothing younger than GCC 8's, which the oldest systems have that
// Node.js 20 runs on (RHEL 8). As glibc.c does, it defines functions, hidden, by the names that the compiler's headers
// call. std::filesystem, which GCC 8 has in no shared library, comes from the compiler's libstdc++.a (baseline.cmake).
//
// libstdc++ itself stays the system's: each static one would have memory for exceptions of its own, which glibc ends
// the process for want of when it is to be got while a thread throws.
#include <new>

#define HIDDEN extern "C" __attribute__((visibility("hidden")))

// Declares `old_NAME`, the function `symbol` of that version: also where a header has given us one of our own.
#define OLD_VERSION(version, name, symbol, ...) \
    extern "C" void old_##name(__VA_ARGS__);    \
    __asm__(".symver old_" #name "," symbol "@" version)

// std::condition_variable::wait() since GCC 12: the same, but that it is noexcept.
#define WAIT "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE"
OLD_VERSION("GLIBCXX_3.4.11", wait, WAIT, void* condition, void* lock);
HIDDEN void wait(void* condition, void* lock) __asm__(WAIT);
void wait(void* condition, void* lock) {
    old_wait(condition, lock);
}

// How std::exception_ptr counts since GCC 12, which has its copies made and destroyed inline: by a copy that is not
// destroyed, and by destroying one that was not made.
#define EXCEPTION_PTR "_ZNSt15__exception_ptr13exception_ptr"
OLD_VERSION("CXXABI_1.3.3", copy, EXCEPTION_PTR "C1ERKS0_", void* copy, const void* original);
OLD_VERSION("CXXABI_1.3.3", destroy, EXCEPTION_PTR "D1Ev", void* pointer);
HIDDEN void addref(void** pointer) __asm__(EXCEPTION_PTR "9_M_addrefEv");
HIDDEN void release(void** pointer) __asm__(EXCEPTION_PTR "10_M_releaseEv");
void addref(void** pointer) {
    void* copy;
    old_copy(&copy, pointer);
}
void release(void** pointer) {
    old_destroy(pointer);
    *pointer = nullptr;
}

// Since GCC 11
HIDDEN __attribute__((noreturn)) void throw_bad_array_new_length() __asm__("_ZSt28__throw_bad_array_new_lengthv");
void throw_bad_array_new_length() {
    throw std::bad_array_new_length();
}
