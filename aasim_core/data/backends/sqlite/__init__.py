"""SQLite: fair writers, which commit together."""
