"""Authentication: users, passwords, sessions, tokens and API keys, which all lead to a `Principal`."""
