"""Limits: what one person, address or machine may use up, and who is being slowed down by one."""
