// SPDX-License-Identifier: Apache-2.0
//! Preloaded into the broker: makes its disk and its wall clock misbehave as a test says in shared memory (shim.py).
//
// FANTAIL_FAULTS names a file of at least sizeof(struct control) bytes, which the test maps too. io_uring is refused, as
// many sandboxes do, so that reads, writes and syncs pass through here.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/// When the next operations on files whose path contains `match` go wrong.
struct fault {
    int64_t after;   ///< operations that still succeed; -1: no fault
    int64_t times;   ///< operations that then fail; -1: all
    int64_t error;   ///< errno, or 0: a write of half its blocks (of those that have several)
};

/// shim.py has the same layout.
struct control {
    int64_t wall_offset_ms;
    int64_t disk_full;       ///< 1: no file grows
    struct fault sync;
    struct fault write;
    int64_t faults;          ///< made so far
    int64_t faulty_inode;    ///< of the last file that one befell
    int64_t touched_after;   ///< writes and syncs that reached that file afterwards
    int64_t refused_growth;  ///< operations answered with ENOSPC because of disk_full
    char match[64];
};

enum { block_size = 4096 };  ///< what direct I/O moves is a number of these

static struct control* shared;

#define REAL(name) ((__typeof__(&name))real(#name))
static void* real(const char* name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void map_control(void) {
    const char* path = getenv("FANTAIL_FAULTS");
    const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void* memory = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        fprintf(stderr, "fault_shim: FANTAIL_FAULTS does not name a usable file\n");
        _exit(99);
    }
    close(fd);
    shared = memory;
}

static int64_t load(int64_t* at) { return __atomic_load_n(at, __ATOMIC_SEQ_CST); }

static int64_t inode_of(int fd) {
    struct stat info;
    return fstat(fd, &info) == 0 ? (int64_t)info.st_ino : 0;
}

/// Keeps the file, so that after its removal no other gets its inode.
static void keep_open(int fd) {
    static int kept = -1;
    const int before = __atomic_exchange_n(&kept, fcntl(fd, F_DUPFD_CLOEXEC, 0), __ATOMIC_SEQ_CST);
    if (before >= 0) close(before);
}

static int matches(int fd) {
    char link[64];
    char path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return strstr(path, shared->match) != NULL;
}

/// Whether this operation on `fd` must fail.
static int is_due(struct fault* fault, int fd) {
    if (load(&fault->after) < 0) {
        if (load(&shared->faulty_inode) == inode_of(fd)) __atomic_fetch_add(&shared->touched_after, 1, __ATOMIC_SEQ_CST);
        return 0;
    }
    if (!matches(fd)) return 0;
    if (__atomic_fetch_sub(&fault->after, 1, __ATOMIC_SEQ_CST) > 0) return 0;
    const int64_t left = load(&fault->times);
    if (left != 1) __atomic_store_n(&fault->after, 0, __ATOMIC_SEQ_CST);
    if (left > 0) __atomic_fetch_sub(&fault->times, 1, __ATOMIC_SEQ_CST);
    if (load(&shared->faulty_inode) == inode_of(fd)) __atomic_fetch_add(&shared->touched_after, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&shared->faulty_inode, inode_of(fd), __ATOMIC_SEQ_CST);
    keep_open(fd);
    __atomic_fetch_add(&shared->faults, 1, __ATOMIC_SEQ_CST);
    return 1;
}

static int refuse_growth(int fd, off_t end) {
    struct stat info;
    if (load(&shared->disk_full) == 0 || fstat(fd, &info) != 0 || end <= info.st_size) return 0;
    __atomic_fetch_add(&shared->refused_growth, 1, __ATOMIC_SEQ_CST);
    errno = ENOSPC;
    return 1;
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
    if (refuse_growth(fd, offset + (off_t)size)) return -1;
    const int64_t error = load(&shared->write.error);
    const size_t half = size / block_size / 2 * block_size;
    if ((error == 0 && half == 0) || !is_due(&shared->write, fd)) return REAL(pwrite)(fd, bytes, size, offset);
    if (error == 0) return REAL(pwrite)(fd, bytes, half, offset);
    errno = (int)error;
    return -1;
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
    if (mode == 0 && refuse_growth(fd, offset + size)) return -1;
    return REAL(fallocate)(fd, mode, offset, size);
}

int fdatasync(int fd) {
    if (!is_due(&shared->sync, fd)) return REAL(fdatasync)(fd);
    errno = (int)load(&shared->sync.error);
    return -1;
}

int fsync(int fd) {
    if (!is_due(&shared->sync, fd)) return REAL(fsync)(fd);
    errno = (int)load(&shared->sync.error);
    return -1;
}

int clock_gettime(clockid_t clock, struct timespec* now) {
    const int answer = REAL(clock_gettime)(clock, now);
    if (answer == 0 && clock == CLOCK_REALTIME && shared) {
        const int64_t ms = load(&shared->wall_offset_ms);
        now->tv_sec += ms / 1000;
        now->tv_nsec += ms % 1000 * 1000000;
        if (now->tv_nsec < 0) now->tv_sec -= 1, now->tv_nsec += 1000000000;
        if (now->tv_nsec >= 1000000000) now->tv_sec += 1, now->tv_nsec -= 1000000000;
    }
    return answer;
}

struct io_uring;
int io_uring_queue_init(unsigned entries, struct io_uring* ring, unsigned flags) {
    (void)entries, (void)ring, (void)flags;
    return -EPERM;
}
