// What glibc declares to GNU programs only. Compiled here, apart from the header, because a header that defines
// _GNU_SOURCE would change what every other C module of the importing Swift target means by the system's headers.
#define _GNU_SOURCE
#include "CLinux.h"

#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void clinux_reason(int number, char *text, size_t size) {
    char own[128];
    // The GNU form, which may answer a constant of its own instead of filling the buffer.
    snprintf(text, size, "%s", strerror_r(number, own, sizeof own));
}

void clinux_name_this_thread(const char *name) {
    // The kernel keeps 15 bytes and refuses longer names.
    char cut[16];
    snprintf(cut, sizeof cut, "%s", name);
    pthread_setname_np(pthread_self(), cut);
}

char **clinux_environment(void) { return environ; }

int clinux_spawn_close_from(posix_spawn_file_actions_t *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}
