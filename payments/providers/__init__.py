"""Adapters to payment providers; they know nothing of each other."""
