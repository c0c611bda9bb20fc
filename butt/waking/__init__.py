"""Waking who waits for rows: whoever writes to a table says so, and nobody has to look again and again.

On PostgreSQL that is `NOTIFY` and `LISTEN`. Beside SQLite, each process that listens has a socket in the home folder. A word may
be lost, as with a connection that drops: so whoever waits looks by itself as well, seldom.
"""
