"""The checks of ``aasim doctor``: each finding with what to do about it."""
