/* Preloaded into mosquitto in `month`: its loop looks around ten times a second, which would be most of a month's work
   where time jumps over every wait. What comes on its sockets, and signals, wake it as before; its housekeeping (keep
   alive) is done every 20 seconds. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/epoll.h>

int epoll_wait(int set, struct epoll_event *events, int most, int timeout)
{
    int (*real)(int, struct epoll_event *, int, int) = dlsym(RTLD_NEXT, "epoll_wait");
    return real(set, events, most, timeout == 100 ? 20000 : timeout);
}
