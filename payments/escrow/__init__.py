"""Escrows on chain: made, shown, given back, disputed; what they fix and where they stand."""
