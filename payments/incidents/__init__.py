"""Incidents: what is wrong, what everybody is told of it, and what was done about it when."""
