"""Plans: what they are, when their periods begin, and on which one an organization is."""
