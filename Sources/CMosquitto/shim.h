// libmosquitto, and what Swift cannot say to it.
#ifndef CMOSQUITTO_SHIM_H
#define CMOSQUITTO_SHIM_H

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>

// Each call below leaves the cause of MOSQ_ERR_ERRNO (and, for a failed name lookup, the getaddrinfo code) in `errno`.
// It is taken here, in C, because between a C call and Swift's reading of `errno` the compiler may place calls of its
// own.

static inline int cmosquitto_connect(struct mosquitto *session, const char *host, int port, int keepalive,
                                     const mosquitto_property *properties, int *cause) {
    errno = 0;
    int result = mosquitto_connect_bind_v5(session, host, port, keepalive, NULL, properties);
    *cause = errno;
    return result;
}

static inline int cmosquitto_loop_read(struct mosquitto *session, int *cause) {
    errno = 0;
    int result = mosquitto_loop_read(session, 1);
    *cause = errno;
    return result;
}

static inline int cmosquitto_loop_write(struct mosquitto *session, int *cause) {
    errno = 0;
    int result = mosquitto_loop_write(session, 1);
    *cause = errno;
    return result;
}

static inline int cmosquitto_publish(struct mosquitto *session, int *mid, const char *topic, int bytes,
                                     const void *payload, int qos, bool retain, int *cause) {
    errno = 0;
    int result = mosquitto_publish_v5(session, mid, topic, bytes, payload, qos, retain, NULL);
    *cause = errno;
    return result;
}

static inline int cmosquitto_subscribe(struct mosquitto *session, const char *topic, int qos, int *cause) {
    errno = 0;
    int result = mosquitto_subscribe(session, NULL, topic, qos);
    *cause = errno;
    return result;
}

#endif
