"""Flows that events or requests of others start, and those of which a success is expected."""

_COLUMNS = {
    "job_flows_flow": (
        "expect_within_seconds BIGINT", "listens_to TEXT", "hook_digest TEXT", "secret TEXT", "expected_at TEXT", "overdue_at TEXT",
    ),
    "job_flows_firing": ("payload TEXT", "chain TEXT NOT NULL DEFAULT '[]'"),
}  # fmt: skip
_INDEXES = {
    "job_flows_flow_listening": "INDEX job_flows_flow_listening ON job_flows_flow (organization_id, id) WHERE listens_to IS NOT NULL",
    "job_flows_flow_expecting": "INDEX job_flows_flow_expecting ON job_flows_flow (organization_id, expected_at)"
    " WHERE expected_at IS NOT NULL",
    "job_flows_flow_hook_digest": "UNIQUE INDEX job_flows_flow_hook_digest ON job_flows_flow (hook_digest)",
}


def up(migrator, db):
    for table, columns in _COLUMNS.items():
        for column in columns:
            db.execute_sql(f"ALTER TABLE {table} ADD COLUMN {column}")
    for index in _INDEXES.values():
        db.execute_sql(f"CREATE {index}")


def down(migrator, db):
    for name in _INDEXES:
        db.execute_sql(f"DROP INDEX {name}")
    for table, columns in _COLUMNS.items():
        for column in reversed(columns):
            db.execute_sql(f"ALTER TABLE {table} DROP COLUMN {column.partition(' ')[0]}")
