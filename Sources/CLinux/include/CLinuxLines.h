// GPIO lines through the kernel's character devices, interface version 2 (linux/gpio.h, Linux 5.10). Part of CLinux.h.
#ifndef CLINUX_LINES_H
#define CLINUX_LINES_H

#include <errno.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const uint64_t clinux_line_input = GPIO_V2_LINE_FLAG_INPUT;
static const uint64_t clinux_line_output = GPIO_V2_LINE_FLAG_OUTPUT;
static const uint64_t clinux_line_active_low = GPIO_V2_LINE_FLAG_ACTIVE_LOW;
static const uint64_t clinux_line_to_active = GPIO_V2_LINE_FLAG_EDGE_RISING;
static const uint64_t clinux_line_to_inactive = GPIO_V2_LINE_FLAG_EDGE_FALLING;
static const uint64_t clinux_line_pull_up = GPIO_V2_LINE_FLAG_BIAS_PULL_UP;
static const uint64_t clinux_line_pull_down = GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN;
static const uint64_t clinux_line_no_bias = GPIO_V2_LINE_FLAG_BIAS_DISABLED;

// Of one line: flags, and the one attribute that its direction has. `is_active` is the logical level of an output,
// which it has before its direction is turned (gpiod_direction_output).
static inline void clinux_line_configure(struct gpio_v2_line_config *config, uint64_t flags,
                                         uint32_t debounce_microseconds, bool is_active) {
    config->flags = flags;
    struct gpio_v2_line_config_attribute *attribute = &config->attrs[0];
    if (flags & GPIO_V2_LINE_FLAG_OUTPUT) {
        attribute->attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
        attribute->attr.values = is_active;
    } else if (debounce_microseconds > 0) {
        attribute->attr.id = GPIO_V2_LINE_ATTR_ID_DEBOUNCE;
        attribute->attr.debounce_period_us = debounce_microseconds;
    } else {
        return;     // what is not used must be zero
    }
    attribute->mask = 1;
    config->num_attrs = 1;
}

// Requests one line; answers its descriptor, which never blocks. `events` is how many edges the kernel keeps for us.
static inline int clinux_line_request(int chip, uint32_t offset, const char *consumer, uint64_t flags,
                                      uint32_t debounce_microseconds, bool is_active, uint32_t events) {
    struct gpio_v2_line_request request;
    memset(&request, 0, sizeof request);
    request.offsets[0] = offset;
    request.num_lines = 1;
    request.event_buffer_size = events;
    clinux_line_configure(&request.config, flags, debounce_microseconds, is_active);
    strncpy(request.consumer, consumer, sizeof request.consumer - 1);
    if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request) < 0) return -errno;
    if (fcntl(request.fd, F_SETFL, O_NONBLOCK) < 0 || fcntl(request.fd, F_SETFD, FD_CLOEXEC) < 0) {
        int cause = errno;
        close(request.fd);
        return -cause;
    }
    return request.fd;
}

// Turns a held line into something else, without letting go of it.
static inline int clinux_line_reconfigure(int line, uint64_t flags, uint32_t debounce_microseconds, bool is_active) {
    struct gpio_v2_line_config config;
    memset(&config, 0, sizeof config);
    clinux_line_configure(&config, flags, debounce_microseconds, is_active);
    return clinux_result(ioctl(line, GPIO_V2_LINE_SET_CONFIG_IOCTL, &config));
}

// Of an output.
static inline int clinux_line_set(int line, bool is_active) {
    struct gpio_v2_line_values values = {.bits = is_active, .mask = 1};
    return clinux_result(ioctl(line, GPIO_V2_LINE_SET_VALUES_IOCTL, &values));
}

// The logical level: 1 active, 0 inactive.
static inline int clinux_line_value(int line) {
    struct gpio_v2_line_values values = {.bits = 0, .mask = 1};
    if (ioctl(line, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) < 0) return -errno;
    return (int)(values.bits & 1);
}

// The two wires of an I2C bus, driven by us: open drain with the chip's own pull-up, both released at first. Bit 0 is
// data, bit 1 clock.
static inline int clinux_wires_request(int chip, uint32_t data, uint32_t clock, const char *consumer) {
    struct gpio_v2_line_request request;
    memset(&request, 0, sizeof request);
    request.offsets[0] = data;
    request.offsets[1] = clock;
    request.num_lines = 2;
    request.config.flags =
        GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_OPEN_DRAIN | GPIO_V2_LINE_FLAG_BIAS_PULL_UP;
    request.config.num_attrs = 1;
    request.config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
    request.config.attrs[0].attr.values = 3;
    request.config.attrs[0].mask = 3;
    strncpy(request.consumer, consumer, sizeof request.consumer - 1);
    if (ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request) < 0) return -errno;
    if (fcntl(request.fd, F_SETFD, FD_CLOEXEC) < 0) {
        int cause = errno;
        close(request.fd);
        return -cause;
    }
    return request.fd;
}

static inline int clinux_wires_set(int wires, uint64_t mask, uint64_t bits) {
    struct gpio_v2_line_values values = {.bits = bits, .mask = mask};
    return clinux_result(ioctl(wires, GPIO_V2_LINE_SET_VALUES_IOCTL, &values));
}

static inline int clinux_wires_get(int wires) {
    struct gpio_v2_line_values values = {.bits = 0, .mask = 3};
    if (ioctl(wires, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) < 0) return -errno;
    return (int)(values.bits & 3);
}

struct clinux_edge {
    int64_t monotonic_nanoseconds;
    uint32_t sequence;
    bool is_active;
};

enum { CLINUX_EDGE_LIMIT = 16 };

// Takes up to CLINUX_EDGE_LIMIT edges; 0: there is none.
static inline int clinux_line_edges(int line, struct clinux_edge *edges) {
    struct gpio_v2_line_event events[CLINUX_EDGE_LIMIT];
    ssize_t length = read(line, events, sizeof events);
    if (length < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    int count = (int)((size_t)length / sizeof events[0]);
    for (int i = 0; i < count; i++) {
        edges[i].monotonic_nanoseconds = (int64_t)events[i].timestamp_ns;
        edges[i].sequence = events[i].line_seqno;
        edges[i].is_active = events[i].id == GPIO_V2_LINE_EVENT_RISING_EDGE;
    }
    return count;
}

#endif
