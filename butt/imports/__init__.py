"""A pub from elsewhere, or an export of ours, becomes a bot here."""
