"""What a person at a terminal sees, and how a failed command ends."""
