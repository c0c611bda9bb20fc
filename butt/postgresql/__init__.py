"""Django's engine for PostgreSQL, for connections that are kept and used at every request."""
