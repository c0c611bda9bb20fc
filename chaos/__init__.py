"""A seeded run of faults against a real service that people use meanwhile."""
