"""Whether the service can do its work: everything it needs is checked, and named if it fails."""
