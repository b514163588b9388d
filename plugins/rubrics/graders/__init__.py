"""Graders: what one is, and those that every installation has."""
