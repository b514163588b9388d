"""What this installation has: its plugins, what each brings, and what can happen."""
