"""From the settings to plugins that are loaded: found, read, chosen, ordered, imported, and put under one pluggy manager."""
