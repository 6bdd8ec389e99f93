"""Alerts: what must not go on unseen, who is told of it when, and that it was told once."""
