"""A seeded run of faults against a real service, while people use it."""
