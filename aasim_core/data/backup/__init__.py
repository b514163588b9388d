"""One file with the database and the keys."""
