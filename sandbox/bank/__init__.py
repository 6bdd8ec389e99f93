"""A simulated bank, and TrueLayer in front of it, behind TrueLayer's wire protocol."""
