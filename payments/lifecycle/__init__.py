"""The life of a payment: its tables, its state machine, and the one door facts come in by."""
