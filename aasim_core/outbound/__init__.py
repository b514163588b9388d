"""What leaves the platform: the one guarded HTTP client, and mail."""
