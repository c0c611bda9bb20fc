"""Which parts of the service are alive: each writes every few seconds that it is, and what it has counted."""
