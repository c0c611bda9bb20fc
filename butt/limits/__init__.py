"""Limits: what one person, address or machine may use, and who is being slowed down by one."""
