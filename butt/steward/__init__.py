"""The steward makes what is wanted so: one small, persisted step of one bot at a time."""
