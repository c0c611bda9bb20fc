"""Wakes code that waits for rows: every write to a table is announced, so that nobody has to poll.

On PostgreSQL this is `NOTIFY` and `LISTEN`. With SQLite, each process that listens has a socket in the home
folder. An announcement can be lost, as when a connection drops, so code that waits also looks by itself now
and then.
"""
