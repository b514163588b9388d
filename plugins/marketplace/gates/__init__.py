"""Publishing gates: what is looked for in a listing before anybody else sees it."""
