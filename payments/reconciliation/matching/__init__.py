"""What lines of a statement are for: pure rules, most certain first, without I/O."""
