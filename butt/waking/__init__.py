"""Waking whoever waits for rows: every write to a table is announced, so that nobody has to poll.

On PostgreSQL this is `NOTIFY` and `LISTEN`. With SQLite, each process that listens has a socket in the home
folder. An announcement can be lost, as when a connection drops, so whoever waits also looks on their own now
and then.
"""
