"""What bots are for. A service is found by its name among the entry points of butt.services."""
