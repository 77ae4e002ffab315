// Counts the allocations of the whole process: "no allocation per reading" is a promise that a number must keep.
#ifndef CALLOCATIONS_H
#define CALLOCATIONS_H

#include <stdint.h>

uint64_t callocations_count(void);

#endif
