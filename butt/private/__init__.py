"""The private http server: what the Salt master reads. It shares no listener with the public one."""
