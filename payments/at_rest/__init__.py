"""What is kept of persons, with which keys, for how long: rotation, retention, erasure."""
