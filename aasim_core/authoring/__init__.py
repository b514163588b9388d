"""Tools for authors of plugins: a scaffold, and the next migration."""
