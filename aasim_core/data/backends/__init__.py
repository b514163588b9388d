"""What implements the interface of a database."""
