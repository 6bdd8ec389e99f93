"""Calls to addresses that somebody else chose: checked, pinned, without redirects."""
