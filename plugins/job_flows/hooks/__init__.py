"""Requests of others that start flows: verified, kept, and answered."""
