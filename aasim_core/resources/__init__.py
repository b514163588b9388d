"""What resources of plugins derive from, and what their responders use."""
