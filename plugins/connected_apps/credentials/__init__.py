"""The credentials of connected apps: sealed, authorized, refreshed and revoked."""
