"""Trading: purchases of agents' copies, refunds and upgrades, on a ledger of credits."""
