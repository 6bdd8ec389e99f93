"""Who calls: API keys, sessions, tokens and roles."""
