"""What plugins use to implement a provider of models."""
