"""Incoming requests that start flows: verified, stored, and answered."""
