import Agent

runDaemon()
