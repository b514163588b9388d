"""SQLite: a fair queue of writers, whose commits are grouped."""
