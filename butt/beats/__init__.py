"""Which parts of the service live: each writes every few seconds that it does, and what it has counted."""
