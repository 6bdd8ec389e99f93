"""Restores: what to do before a database that was brought back to a moment sends anything again."""
