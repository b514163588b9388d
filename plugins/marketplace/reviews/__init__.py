"""Reviews: what organizations that have bought a listing and run their copy say of it."""
