// As glibc.c, for what NVIDIA's static run-time library calls: the CUDA backend alone is linked with this file.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include "oldest.h"

// libdl before 2.34
OLD_VERSION(OLDEST_DLMOPEN, void*, dlmopen, Lmid_t space, const char* file, int mode);
OLD(void*, dlvsym, void* library, const char* name, const char* version);
HIDDEN void* dlmopen(Lmid_t space, const char* file, int mode) {
    return old_dlmopen(space, file, mode);
}
HIDDEN void* dlvsym(void* restrict library, const char* restrict name, const char* restrict version) {
    return old_dlvsym(library, name, version);
}

// libpthread before 2.34: functions that take one argument, two, or three.
#define FORWARD_1(name, A)    \
    OLD(int, name, A a);      \
    HIDDEN int name(A a) {    \
        return old_##name(a); \
    }
#define FORWARD_2_VERSION(version, name, A, B) \
    OLD_VERSION(version, int, name, A a, B b); \
    HIDDEN int name(A a, B b) {                \
        return old_##name(a, b);               \
    }
#define FORWARD_2(...) FORWARD_2_VERSION(OLDEST, __VA_ARGS__)

FORWARD_1(pthread_mutex_trylock, pthread_mutex_t*)
FORWARD_1(pthread_mutexattr_init, pthread_mutexattr_t*)
FORWARD_1(pthread_mutexattr_destroy, pthread_mutexattr_t*)
FORWARD_2(pthread_mutexattr_setpshared, pthread_mutexattr_t*, int)
FORWARD_2(pthread_mutexattr_settype, pthread_mutexattr_t*, int)
FORWARD_2_VERSION(OLDEST_PROTOCOL, pthread_mutexattr_setprotocol, pthread_mutexattr_t*, int)
FORWARD_2(pthread_condattr_setpshared, pthread_condattr_t*, int)
FORWARD_2(pthread_kill, pthread_t, int)
FORWARD_2(pthread_rwlock_init, pthread_rwlock_t* restrict, const pthread_rwlockattr_t* restrict)
FORWARD_1(pthread_rwlock_destroy, pthread_rwlock_t*)
FORWARD_1(pthread_rwlock_tryrdlock, pthread_rwlock_t*)
FORWARD_1(pthread_rwlock_trywrlock, pthread_rwlock_t*)
FORWARD_1(pthread_rwlockattr_init, pthread_rwlockattr_t*)
FORWARD_1(pthread_rwlockattr_destroy, pthread_rwlockattr_t*)
FORWARD_2(pthread_rwlockattr_setpshared, pthread_rwlockattr_t*, int)
FORWARD_2(pthread_spin_init, pthread_spinlock_t*, int)
FORWARD_1(pthread_spin_destroy, pthread_spinlock_t*)
FORWARD_1(pthread_spin_lock, pthread_spinlock_t*)
FORWARD_1(pthread_spin_trylock, pthread_spinlock_t*)
FORWARD_1(pthread_spin_unlock, pthread_spinlock_t*)
FORWARD_1(sem_destroy, sem_t*)
FORWARD_1(sem_post, sem_t*)
FORWARD_1(sem_trywait, sem_t*)
FORWARD_1(sem_wait, sem_t*)
FORWARD_2(sem_timedwait, sem_t* restrict, const struct timespec* restrict)

OLD(int, sem_init, sem_t* semaphore, int shared, unsigned value);
HIDDEN int sem_init(sem_t* semaphore, int shared, unsigned value) {
    return old_sem_init(semaphore, shared, value);
}

// librt before 2.34
OLD(int, shm_open, const char* name, int flags, mode_t mode);
OLD(int, shm_unlink, const char* name);
HIDDEN int shm_open(const char* name, int flags, mode_t mode) {
    return old_shm_open(name, flags, mode);
}
HIDDEN int shm_unlink(const char* name) {
    return old_shm_unlink(name);
}
