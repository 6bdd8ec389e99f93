"""What providers and banks say against what the ledger says; what does not match is kept."""
