"""The task of a queue, as the users of SQLAlchemy write it."""

from datetime import UTC, datetime

from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from . import models

SessionLocal = sessionmaker(models.tuned(create_engine(models.url())))


def finish(execution_id: str) -> None:
    """Mark the execution as succeeded, with its event."""
    with SessionLocal() as session:
        execution = session.get_one(models.Execution, execution_id)
        execution.status, execution.output, execution.finished_at = "succeeded", "done", datetime.now(UTC)
        session.add(models.happened("executions.succeeded", execution))
        session.commit()
