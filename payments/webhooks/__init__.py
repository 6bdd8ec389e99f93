"""The inbox: provider events are verified, stored once and drained in batches."""
