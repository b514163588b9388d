"""Load plugins: find, read, select, order and import them, under one pluggy manager."""
