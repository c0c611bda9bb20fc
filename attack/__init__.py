"""A seeded run of attackers against a real service that honest people use meanwhile."""

ATTACKERS = ("strangers", "guest", "pub", "machine", "payer")
