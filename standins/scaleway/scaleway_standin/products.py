"""What can be rented. Memory in bytes; prices in euro, as they were listed in 2025."""

GIB = 1 << 30
COMMERCIAL_TYPES: dict[str, tuple[int, int, float]] = {
    "PLAY2-PICO": (1, 2 * GIB, 0.014),
    "PLAY2-NANO": (2, 4 * GIB, 0.027),
    "PLAY2-MICRO": (4, 8 * GIB, 0.054),
    "PRO2-XXS": (2, 8 * GIB, 0.055),
    "PRO2-XS": (4, 16 * GIB, 0.11),
    "PRO2-S": (8, 32 * GIB, 0.219),
    "PRO2-M": (16, 64 * GIB, 0.438),
}
"""Processors, memory, and the price of an hour."""

HOURS = 730
