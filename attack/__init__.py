"""A seeded run of attackers against a real service, while honest people use it."""

ATTACKERS = ("strangers", "guest", "pub", "machine", "payer")
