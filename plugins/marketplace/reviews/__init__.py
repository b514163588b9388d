"""Reviews of listings by organizations that have bought and run them."""
