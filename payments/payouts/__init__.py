"""Payouts to sellers of what was released to them: where to, and through whom."""
