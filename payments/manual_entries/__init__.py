"""Journal entries people ask for: requested, approved by somebody else, posted, reversed once."""
