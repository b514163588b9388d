"""Base classes of resources, and helpers of their responders."""
