"""The built-in node types, declared like those of other plugins."""
