"""Terminal output, and the end of a failed command."""
