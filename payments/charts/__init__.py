"""Balances and flows over time as SVG, for people who look rather than read."""
