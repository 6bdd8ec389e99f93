"""Refunds: asked for once, paid back once, in part or whole."""
