"""What waits longer than usual: with its reason, its age, and what would move it."""
