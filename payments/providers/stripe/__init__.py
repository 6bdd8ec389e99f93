"""Stripe: the only package that imports the Stripe SDK."""
