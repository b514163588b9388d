"""Grades of plugins: rules that protect users, what of them a plugin misses, and what to write instead."""
