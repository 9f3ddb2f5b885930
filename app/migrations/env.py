"""Alembic runs this to reach the database; the engine comes from `app.migrations`."""

from alembic import context
from sqlalchemy import Connection, text

from app import outbox, replay
from app.database import Base, take_turn
from app.resources import models
from app.search import models as search_models

# Importing the models is what fills the metadata.
tables = (outbox.OutboxRow, replay.Change, models.Resource, search_models.SearchCount)
assert all(table.metadata is Base.metadata for table in tables)  # noqa: S101


def wait_for_turn(connection: Connection) -> None:
    """However long another takes, and a large table may take its time. But where readers hold a
    table that is to be changed, those who come after them must not wait for long.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        take_turn(connection, "passerelle: migrations")
        connection.execute(text("SET LOCAL lock_timeout TO DEFAULT"))


engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        wait_for_turn(connection)
        context.run_migrations()
    connection.commit()
