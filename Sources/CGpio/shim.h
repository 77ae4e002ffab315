// libgpiod, to find lines with: versions 1.6 (Debian 12) and 2.x (Debian 13) share hardly a function, so what differs
// is hidden here. Lines are requested through the kernel's own interface (CLinux), which is the same under both.
#ifndef CGPIO_SHIM_H
#define CGPIO_SHIM_H

#include <dirent.h>
#include <errno.h>
#include <gpiod.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct cgpio_line {
    char path[64];
    uint32_t line_count;
    bool is_used;
    char consumer[32];
};

static inline void cgpio_copy(char *to, size_t size, const char *from) { snprintf(to, size, "%s", from ? from : ""); }

// Only version 1 defines GPIOD_LINE_BULK_MAX_LINES.
#ifdef GPIOD_LINE_BULK_MAX_LINES

static inline bool cgpio_has_label(struct gpiod_chip *chip, const char *label) {
    const char *own = gpiod_chip_label(chip);
    return own && strcmp(own, label) == 0;
}

static inline int cgpio_describe(struct gpiod_chip *chip, uint32_t offset, struct cgpio_line *line) {
    line->line_count = gpiod_chip_num_lines(chip);
    if (offset >= line->line_count) return -EINVAL;
    struct gpiod_line *found = gpiod_chip_get_line(chip, offset);
    if (!found) return -errno;
    line->is_used = gpiod_line_is_used(found);
    cgpio_copy(line->consumer, sizeof line->consumer, gpiod_line_consumer(found));
    return 0;
}

#else

static inline bool cgpio_has_label(struct gpiod_chip *chip, const char *label) {
    struct gpiod_chip_info *info = gpiod_chip_get_info(chip);
    if (!info) return false;
    const char *own = gpiod_chip_info_get_label(info);
    bool same = own && strcmp(own, label) == 0;
    gpiod_chip_info_free(info);
    return same;
}

static inline int cgpio_describe(struct gpiod_chip *chip, uint32_t offset, struct cgpio_line *line) {
    struct gpiod_chip_info *info = gpiod_chip_get_info(chip);
    if (!info) return -errno;
    line->line_count = (uint32_t)gpiod_chip_info_get_num_lines(info);
    gpiod_chip_info_free(info);
    if (offset >= line->line_count) return -EINVAL;
    struct gpiod_line_info *found = gpiod_chip_get_line_info(chip, offset);
    if (!found) return -errno;
    line->is_used = gpiod_line_info_is_used(found);
    cgpio_copy(line->consumer, sizeof line->consumer, gpiod_line_info_get_consumer(found));
    gpiod_line_info_free(found);
    return 0;
}

#endif

// Whether the entry of a chip below /sys/bus/gpio/devices is that of a device: the link ends in its name and the
// chip's, `.../4804c000.target-module/4804c000.gpio/gpiochip0`. The name is made of the address in the device tree, so
// it stays where labels do not: gpio-omap.c counts its labels in the order in which the chips come up.
static inline bool cgpio_is_of_device(const char *link, const char *device) {
    const char *end = strrchr(link, '/');
    size_t length = strlen(device);
    if (!end || length == 0 || (size_t)(end - link) <= length || strchr(device, '/')) return false;
    return end[-(ptrdiff_t)length - 1] == '/' && strncmp(end - length, device, length) == 0;
}

static inline bool cgpio_has_device(const char *chip, const char *device) {
    char path[64], link[512];
    snprintf(path, sizeof path, "/sys/bus/gpio/devices/%.24s", chip);
    ssize_t length = readlink(path, link, sizeof link - 1);
    if (length <= 0) return false;
    link[length] = 0;
    return cgpio_is_of_device(link, device);
}

// Finds the chip by its label or its device's name and describes one of its lines. 0, or: -ENODEV no chip has it;
// -EACCES none has it among those that may be opened, and some may not; -EINVAL the chip has no such line; else the
// negative errno.
//
// The devices are walked here, by path, because that is the one way to open a chip which both versions know; version
// 1's own search gives up at the first chip that may not be opened.
static inline int cgpio_find(const char *label, uint32_t offset, struct cgpio_line *line) {
    memset(line, 0, sizeof *line);
    DIR *devices = opendir("/dev");
    if (!devices) return -errno;
    int result = -ENODEV;
    const struct dirent *entry;
    while ((entry = readdir(devices))) {
        if (strncmp(entry->d_name, "gpiochip", 8) != 0 || strlen(entry->d_name) > 24) continue;
        snprintf(line->path, sizeof line->path, "/dev/%.24s", entry->d_name);
        struct gpiod_chip *chip = gpiod_chip_open(line->path);
        if (!chip) {
            if (errno == EACCES || errno == EPERM) result = -EACCES;
            continue;
        }
        bool found = cgpio_has_label(chip, label) || cgpio_has_device(entry->d_name, label);
        if (found) result = cgpio_describe(chip, offset, line);
        gpiod_chip_close(chip);
        if (found) break;
    }
    closedir(devices);
    return result;
}

#endif
