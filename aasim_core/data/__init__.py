"""Records, their fields, the tenant-scoped query layer, transactions and migrations."""
