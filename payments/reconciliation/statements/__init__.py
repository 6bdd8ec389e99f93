"""Bank statements as files: what format they are in, what they say, and whether it can be true."""
