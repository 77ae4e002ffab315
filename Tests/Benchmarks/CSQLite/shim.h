// SQLite, to be measured beside the outbox. Nothing that is delivered links it.
#ifndef CSQLITE_SHIM_H
#define CSQLITE_SHIM_H

#include <sqlite3.h>

#endif
