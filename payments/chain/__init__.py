"""Sending on chain: each intent at most once, whatever crashes, by nonces that are never lost."""
