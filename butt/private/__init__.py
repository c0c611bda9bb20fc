"""The private HTTP server: what the Salt master reads. It shares no listener with the public one."""
