"""What measurements found, as it is kept and shown."""
