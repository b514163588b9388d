"""What started a chain of firings, by which they are counted."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE job_flows_firing ADD COLUMN root_id TEXT")
    db.execute_sql("CREATE INDEX job_flows_firing_root ON job_flows_firing (root_id) WHERE root_id IS NOT NULL")


def down(migrator, db):
    db.execute_sql("DROP INDEX job_flows_firing_root")
    db.execute_sql("ALTER TABLE job_flows_firing DROP COLUMN root_id")
