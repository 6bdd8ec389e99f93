"""TrueLayer: the only folder that speaks its protocol."""
