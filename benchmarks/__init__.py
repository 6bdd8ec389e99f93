"""What the ledger costs, measured beside a bare floor in the same run: `make bench`."""
