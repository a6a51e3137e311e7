// Has what is linked with this file ask the C library for nothing younger than glibc 2.28, which Node.js 20 needs
// itself.
//
// A symbol is bound to the version that the machine's own glibc has as its newest, even where an old one is the same:
// since threads and dlopen moved into libc.so.6 (2.34), everything that uses them would ask for 2.34. Functions of
// these names, hidden, call the old versions, which every glibc still has (x86-64 since 2.2.5, AArch64 since 2.17);
// what 2.28 has not at all asks the kernel. For libraries of others that are linked statically, too.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oldest.h"

// libdl before 2.34
OLD(void*, dlopen, const char* file, int mode);
OLD(void*, dlsym, void* library, const char* name);
OLD(int, dlclose, void* library);
OLD(char*, dlerror, void);
HIDDEN void* dlopen(const char* file, int mode) {
    return old_dlopen(file, mode);
}
HIDDEN void* dlsym(void* restrict library, const char* restrict name) {
    return old_dlsym(library, name);
}
HIDDEN int dlclose(void* library) {
    return old_dlclose(library);
}
HIDDEN char* dlerror(void) {
    return old_dlerror();
}

// libpthread before 2.32 to 2.34
OLD(int, pthread_create, pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*), void* argument);
OLD(int, pthread_join, pthread_t thread, void** result);
OLD(int, pthread_detach, pthread_t thread);
OLD(int, pthread_once, pthread_once_t* control, void (*routine)(void));
OLD(int, pthread_key_create, pthread_key_t* key, void (*destructor)(void*));
OLD(int, pthread_key_delete, pthread_key_t key);
OLD(void*, pthread_getspecific, pthread_key_t key);
OLD(int, pthread_setspecific, pthread_key_t key, const void* value);
OLD(int, pthread_rwlock_rdlock, pthread_rwlock_t* lock);
OLD(int, pthread_rwlock_wrlock, pthread_rwlock_t* lock);
OLD(int, pthread_rwlock_unlock, pthread_rwlock_t* lock);
OLD_VERSION(OLDEST_AFFINITY, int, pthread_getaffinity_np, pthread_t thread, size_t size, cpu_set_t* set);
OLD_VERSION(OLDEST_AFFINITY, int, pthread_setaffinity_np, pthread_t thread, size_t size, const cpu_set_t* set);
HIDDEN int pthread_create(pthread_t* restrict thread, const pthread_attr_t* restrict attributes, void* (*start)(void*),
                          void* restrict argument) {
    return old_pthread_create(thread, attributes, start, argument);
}
HIDDEN int pthread_join(pthread_t thread, void** result) {
    return old_pthread_join(thread, result);
}
HIDDEN int pthread_detach(pthread_t thread) {
    return old_pthread_detach(thread);
}
HIDDEN int pthread_once(pthread_once_t* control, void (*routine)(void)) {
    return old_pthread_once(control, routine);
}
HIDDEN int pthread_key_create(pthread_key_t* key, void (*destructor)(void*)) {
    return old_pthread_key_create(key, destructor);
}
HIDDEN int pthread_key_delete(pthread_key_t key) {
    return old_pthread_key_delete(key);
}
HIDDEN void* pthread_getspecific(pthread_key_t key) {
    return old_pthread_getspecific(key);
}
HIDDEN int pthread_setspecific(pthread_key_t key, const void* value) {
    return old_pthread_setspecific(key, value);
}
HIDDEN int pthread_rwlock_rdlock(pthread_rwlock_t* lock) {
    return old_pthread_rwlock_rdlock(lock);
}
HIDDEN int pthread_rwlock_wrlock(pthread_rwlock_t* lock) {
    return old_pthread_rwlock_wrlock(lock);
}
HIDDEN int pthread_rwlock_unlock(pthread_rwlock_t* lock) {
    return old_pthread_rwlock_unlock(lock);
}
HIDDEN int pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t* set) {
    return old_pthread_getaffinity_np(thread, size, set);
}
HIDDEN int pthread_setaffinity_np(pthread_t thread, size_t size, const cpu_set_t* set) {
    return old_pthread_setaffinity_np(thread, size, set);
}

// libm before 2.29: the same functions, which set errno in another place.
OLD(double, exp, double x);
OLD(double, log, double x);
OLD(double, log2, double x);
OLD(double, exp2, double x);
OLD(double, pow, double x, double y);
HIDDEN double exp(double x) {
    return old_exp(x);
}
HIDDEN double log(double x) {
    return old_log(x);
}
HIDDEN double log2(double x) {
    return old_log2(x);
}
HIDDEN double exp2(double x) {
    return old_exp2(x);
}
HIDDEN double pow(double x, double y) {
    return old_pow(x, y);
}

// Functions since 2.33. The kernel's structure is the library's on both processors.
HIDDEN int stat(const char* restrict path, struct stat* restrict result) {
    return (int)syscall(SYS_newfstatat, AT_FDCWD, path, result, 0);
}
HIDDEN int lstat(const char* restrict path, struct stat* restrict result) {
    return (int)syscall(SYS_newfstatat, AT_FDCWD, path, result, AT_SYMLINK_NOFOLLOW);
}
HIDDEN int fstat(int file, struct stat* result) {
    return (int)syscall(SYS_fstat, file, result);
}
HIDDEN int fstatat(int folder, const char* restrict path, struct stat* restrict result, int flags) {
    return (int)syscall(SYS_newfstatat, folder, path, result, flags);
}
HIDDEN int fstat64(int file, struct stat64* result) {
    return (int)syscall(SYS_fstat, file, result);
}

// Since 2.29
HIDDEN int getcpu(unsigned* cpu, unsigned* node) {
    return (int)syscall(SYS_getcpu, cpu, node, NULL);
}

// Since 2.36
HIDDEN unsigned arc4random(void) {
    unsigned value;
    if (getentropy(&value, sizeof value) != 0) abort();
    return value;
}

// Since 2.32: whether there is one thread only, so that counters need not be atomic. In Node.js there never is.
HIDDEN char __libc_single_threaded = 0;
