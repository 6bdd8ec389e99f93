"""Calls to providers: written down before they are made, and closed by what came of them."""
