"""The parts of the shell, of curl and of jq that the examples use, as trees."""
