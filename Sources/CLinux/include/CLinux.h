// The parts of the Linux interface that Swift cannot import: ioctl numbers made by macros, packed unions (epoll_event),
// flexible kernel structures. Every function answers the result, or the negative errno: `errno` itself must be read
// before anything else runs, which only C can promise.
#ifndef CLINUX_H
#define CLINUX_H

#include <errno.h>
#include <fcntl.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

// In CLinux.c, which says why.
void clinux_reason(int number, char *text, size_t size);
void clinux_name_this_thread(const char *name);
// Swift takes the plain variable for shared mutable state.
char **clinux_environment(void);
// Unmaps what was loaded of the program and its libraries; each page comes back from the file when it is next needed.
void clinux_give_back_code(void);
int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int first);

static inline int clinux_result(int result) { return result < 0 ? -errno : result; }

#include "CLinuxLines.h"

static inline bool clinux_random(void *bytes, size_t count) { return getrandom(bytes, count, 0) == (ssize_t)count; }

// MARK: clocks

static inline int64_t clinux_nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t clinux_boottime(void) { return clinux_nanoseconds(CLOCK_BOOTTIME); }
static inline int64_t clinux_monotonic(void) { return clinux_nanoseconds(CLOCK_MONOTONIC); }
static inline int64_t clinux_realtime(void) { return clinux_nanoseconds(CLOCK_REALTIME); }

// What the kernel says of the wall clock: adjtimex(2) with modes 0 only reads. `maxerror` is in microseconds.
static inline int clinux_clock_discipline(bool *is_synchronised, int64_t *maximum_error_microseconds) {
    struct timex state;
    memset(&state, 0, sizeof state);
    int result = adjtimex(&state);
    if (result < 0) return -errno;
    *is_synchronised = !(state.status & STA_UNSYNC) && result != TIME_ERROR;
    *maximum_error_microseconds = state.maxerror;
    return 0;
}

// MARK: waiting

struct clinux_ready {
    int32_t descriptor;
    uint32_t events;
};

enum { CLINUX_READABLE = EPOLLIN, CLINUX_WRITABLE = EPOLLOUT, CLINUX_READY_LIMIT = 16 };

static inline int clinux_epoll_create(void) { return clinux_result(epoll_create1(EPOLL_CLOEXEC)); }

// Adds the descriptor, or changes what is asked of it when it is there already.
static inline int clinux_epoll_watch(int epoll, int descriptor, bool writable) {
    struct epoll_event event;
    memset(&event, 0, sizeof event);
    event.events = EPOLLIN | (writable ? EPOLLOUT : 0);
    event.data.fd = descriptor;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0) return 0;
    if (errno != EEXIST) return -errno;
    return clinux_result(epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event));
}

static inline int clinux_epoll_unwatch(int epoll, int descriptor) {
    return clinux_result(epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, NULL));
}

// `ready` has room for CLINUX_READY_LIMIT. `timeout_ms` -1: until something happens.
static inline int clinux_epoll_wait(int epoll, struct clinux_ready *ready, int timeout_ms) {
    struct epoll_event events[CLINUX_READY_LIMIT];
    int count = epoll_wait(epoll, events, CLINUX_READY_LIMIT, timeout_ms);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) {
        ready[i].descriptor = events[i].data.fd;
        ready[i].events = events[i].events;
    }
    return count;
}

static inline int clinux_timer_create(void) {
    return clinux_result(timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC));
}

// Rings once at the moment (on CLOCK_BOOTTIME); 0 disarms. Setting it also clears an earlier ring.
static inline int clinux_timer_set(int timer, int64_t nanoseconds) {
    struct itimerspec at;
    memset(&at, 0, sizeof at);
    at.it_value.tv_sec = (time_t)(nanoseconds / 1000000000);
    at.it_value.tv_nsec = (long)(nanoseconds % 1000000000);
    return clinux_result(timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL));
}

// Blocking: reading waits until something was signalled (for a worker). Else reading answers at once.
static inline int clinux_eventfd_create(bool blocking) {
    return clinux_result(eventfd(0, EFD_CLOEXEC | (blocking ? 0 : EFD_NONBLOCK)));
}

static inline void clinux_eventfd_signal(int descriptor) {
    const uint64_t one = 1;
    // Fails only when the counter is at its maximum: then it is signalled already.
    ssize_t ignored = write(descriptor, &one, sizeof one);
    (void)ignored;
}

// Takes what was signalled. With a blocking one: waits for it.
static inline bool clinux_eventfd_take(int descriptor) {
    uint64_t count = 0;
    ssize_t length;
    do length = read(descriptor, &count, sizeof count);
    while (length < 0 && errno == EINTR);
    return length == (ssize_t)sizeof count;
}

// MARK: signals and processes

static inline int clinux_signal_descriptor(const sigset_t *signals) {
    return clinux_result(signalfd(-1, signals, SFD_NONBLOCK | SFD_CLOEXEC));
}

// The next pending signal's number; 0: none.
static inline int clinux_signal_next(int descriptor) {
    struct signalfd_siginfo info;
    return read(descriptor, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}

// `ends` has room for two: to read from, to write to. Not inherited.
static inline int clinux_pipe(int *ends) {
    if (pipe(ends) < 0) return -errno;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return 0;
}

static inline void clinux_ignore_signal(int number) { signal(number, SIG_IGN); }

// A descriptor that becomes readable when the process ends (Linux 5.3; glibc has no function for it before 2.36).
static inline int clinux_process_descriptor(pid_t process) {
    return clinux_result((int)syscall(SYS_pidfd_open, process, 0));
}

// MARK: I2C (Documentation/i2c/dev-interface.rst)

static inline int clinux_i2c_functions(int bus, uint64_t *functions) {
    unsigned long answer = 0;
    if (ioctl(bus, I2C_FUNCS, &answer) < 0) return -errno;
    *functions = answer;
    return 0;
}

enum {
    CLINUX_I2C_PLAIN = I2C_FUNC_I2C,
    CLINUX_SMBUS_READ_BYTE = I2C_FUNC_SMBUS_READ_BYTE,
    CLINUX_SMBUS_WRITE_BYTE = I2C_FUNC_SMBUS_WRITE_BYTE,
    CLINUX_SMBUS_READ_BYTE_DATA = I2C_FUNC_SMBUS_READ_BYTE_DATA,
    CLINUX_SMBUS_WRITE_BYTE_DATA = I2C_FUNC_SMBUS_WRITE_BYTE_DATA,
    CLINUX_SMBUS_WRITE_WORD_DATA = I2C_FUNC_SMBUS_WRITE_WORD_DATA,
    CLINUX_SMBUS_READ_BLOCK = I2C_FUNC_SMBUS_READ_I2C_BLOCK,
    CLINUX_SMBUS_WRITE_BLOCK = I2C_FUNC_SMBUS_WRITE_I2C_BLOCK,
    CLINUX_SMBUS_BLOCK_LIMIT = I2C_SMBUS_BLOCK_MAX
};

// `timeout` is in units of 10 ms, as the kernel takes it.
static inline int clinux_i2c_bound(int bus, unsigned long timeout, unsigned long retries) {
    if (ioctl(bus, I2C_TIMEOUT, timeout) < 0) return -errno;
    return clinux_result(ioctl(bus, I2C_RETRIES, retries));
}

static inline int clinux_i2c_select(int bus, uint8_t address) {
    return clinux_result(ioctl(bus, I2C_SLAVE, (unsigned long)address));
}

// One transaction: the write, then, after a repeated start, the read. Either may be empty, not both.
static inline int clinux_i2c_transfer(int bus, uint8_t address, const void *out, uint16_t out_count, void *in,
                                      uint16_t in_count) {
    struct i2c_msg messages[2];
    struct i2c_rdwr_ioctl_data transaction = {.msgs = messages, .nmsgs = 0};
    memset(messages, 0, sizeof messages);
    if (out_count > 0) {
        struct i2c_msg *message = &messages[transaction.nmsgs++];
        message->addr = address;
        message->len = out_count;
        message->buf = (uint8_t *)out;
    }
    if (in_count > 0) {
        struct i2c_msg *message = &messages[transaction.nmsgs++];
        message->addr = address;
        message->flags = I2C_M_RD;
        message->len = in_count;
        message->buf = in;
    }
    int done = ioctl(bus, I2C_RDWR, &transaction);
    if (done < 0) return -errno;
    return done == (int)transaction.nmsgs ? 0 : -EIO;
}

static inline int clinux_smbus(int bus, bool is_read, uint8_t command, uint32_t size, union i2c_smbus_data *data) {
    struct i2c_smbus_ioctl_data call = {
        .read_write = is_read ? I2C_SMBUS_READ : I2C_SMBUS_WRITE, .command = command, .size = size, .data = data};
    return clinux_result(ioctl(bus, I2C_SMBUS, &call));
}

static inline int clinux_smbus_write_byte(int bus, uint8_t byte) {
    return clinux_smbus(bus, false, byte, I2C_SMBUS_BYTE, NULL);
}

static inline int clinux_smbus_read_byte(int bus, uint8_t *byte) {
    union i2c_smbus_data data;
    int result = clinux_smbus(bus, true, 0, I2C_SMBUS_BYTE, &data);
    if (result >= 0) *byte = data.byte;
    return result;
}

static inline int clinux_smbus_write_byte_data(int bus, uint8_t command, uint8_t byte) {
    union i2c_smbus_data data = {.byte = byte};
    return clinux_smbus(bus, false, command, I2C_SMBUS_BYTE_DATA, &data);
}

static inline int clinux_smbus_read_byte_data(int bus, uint8_t command, uint8_t *byte) {
    union i2c_smbus_data data;
    int result = clinux_smbus(bus, true, command, I2C_SMBUS_BYTE_DATA, &data);
    if (result >= 0) *byte = data.byte;
    return result;
}

// On the wire the low byte goes first.
static inline int clinux_smbus_write_word_data(int bus, uint8_t command, uint8_t low, uint8_t high) {
    union i2c_smbus_data data = {.word = (uint16_t)(low | high << 8)};
    return clinux_smbus(bus, false, command, I2C_SMBUS_WORD_DATA, &data);
}

static inline int clinux_smbus_write_block(int bus, uint8_t command, const uint8_t *bytes, uint8_t count) {
    union i2c_smbus_data data;
    if (count > I2C_SMBUS_BLOCK_MAX) return -EINVAL;
    data.block[0] = count;
    memcpy(&data.block[1], bytes, count);
    return clinux_smbus(bus, false, command, I2C_SMBUS_I2C_BLOCK_DATA, &data);
}

static inline int clinux_smbus_read_block(int bus, uint8_t command, uint8_t *bytes, uint8_t count) {
    union i2c_smbus_data data;
    if (count > I2C_SMBUS_BLOCK_MAX) return -EINVAL;
    data.block[0] = count;
    int result = clinux_smbus(bus, true, command, I2C_SMBUS_I2C_BLOCK_DATA, &data);
    if (result < 0) return result;
    if (data.block[0] != count) return -EIO;
    memcpy(bytes, &data.block[1], count);
    return 0;
}

// One malloc arena for all threads: each further one keeps memory of its own (mallopt(3), M_ARENA_MAX).
static inline void clinux_one_arena(void) { mallopt(M_ARENA_MAX, 1); }

#endif
