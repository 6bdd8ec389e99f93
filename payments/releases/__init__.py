"""Releases of held funds to sellers, over every rail, each at most once."""
