"""What is measured of Aasim, alone or beside others."""
