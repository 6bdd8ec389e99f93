"""Turns HTML into PDF, in a locked-down child process, and knows which characters can be shown."""
