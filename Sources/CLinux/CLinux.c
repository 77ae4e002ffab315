// What glibc declares to GNU programs only. Compiled here, apart from the header, because a header that defines
// _GNU_SOURCE would change what every other C module of the importing Swift target means by the system's headers.
#define _GNU_SOURCE
#include "CLinux.h"

#include <link.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
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

// Of one loaded object: all that is mapped from its file and cannot be written, and so is the same as in the file.
static int give_back(struct dl_phdr_info *object, size_t size, void *unused) {
    (void)size, (void)unused;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) || segment->p_memsz != segment->p_filesz) continue;
        uintptr_t first = ((uintptr_t)object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        uintptr_t end = (uintptr_t)object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        madvise((void *)first, end - first, MADV_DONTNEED);
    }
    return 0;
}

void clinux_give_back_code(void) { dl_iterate_phdr(give_back, NULL); }
