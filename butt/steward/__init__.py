"""The steward carries out what people want: one small, saved step of one bot at a time."""
