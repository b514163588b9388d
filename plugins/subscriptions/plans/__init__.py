"""Plans: their catalog, their periods, and the current plan of an organization."""
