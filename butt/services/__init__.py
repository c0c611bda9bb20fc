"""What bots are for. A service is found by name among the entry points of `butt.services`."""
