"""Incoming webhooks that start flows: verified, stored, and answered."""
