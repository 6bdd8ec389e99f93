"""Backups of the whole PostgreSQL, and restores of it to a moment."""
