"""Signed notices to the platform's own backend, as Standard Webhooks, until they are taken."""
