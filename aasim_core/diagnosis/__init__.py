"""What ``aasim doctor`` finds: checks of an installation from its settings up, each with what to do where something is wrong."""
