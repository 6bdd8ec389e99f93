"""Freezes: while one is in force, nothing that it covers is released."""
