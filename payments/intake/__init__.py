"""Money coming in: payments, their life and their ledger entries."""
