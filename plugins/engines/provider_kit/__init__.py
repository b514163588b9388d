"""Building blocks for plugins with a provider of models."""
