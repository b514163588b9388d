"""The operations of connected apps: discovered, shared, tried and called."""
