"""Grades of plugins: rules that protect users, and what to write to meet them."""
