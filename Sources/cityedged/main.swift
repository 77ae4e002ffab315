// The daemon. What it does is `Agent`'s; that no Foundation comes with it is this program's own promise.

import Agent

runDaemon()
