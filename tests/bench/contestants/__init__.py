"""Who is measured: Aasim, the floor by hand, and the peers; what all of them store and answer."""
