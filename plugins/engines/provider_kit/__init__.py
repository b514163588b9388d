"""What plugins with a provider of models use."""
