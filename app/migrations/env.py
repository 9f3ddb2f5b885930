"""Alembic runs this to reach the database; the engine comes from `app.migrations`."""

from alembic import context

from app import outbox
from app.database import Base
from app.resources import models
from app.search import models as search_models

# Importing the models is what fills the metadata.
tables = (outbox.OutboxRow, models.Resource, search_models.SearchCount)
assert all(table.metadata is Base.metadata for table in tables)  # noqa: S101

engine = context.config.attributes["engine"]
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
