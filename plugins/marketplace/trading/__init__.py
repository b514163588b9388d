"""Trading: the ledger of credits, and how copies of agents are bought with them."""
