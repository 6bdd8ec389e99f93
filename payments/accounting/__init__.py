"""Where payments meet the ledger: which accounts there are, and which entry a fact becomes."""
