"""What editions are sorted by when they are listed by title"""

import sqlalchemy as sa
from alembic import op

from app.database import by_bytes
from app.resources.titles import sort_key

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # The default stays: without one, SQLite would have to make the table anew, and dropping the
    # old one would take the versions with it.
    op.add_column(
        "edition", sa.Column("title_key", by_bytes(200), nullable=False, server_default="")
    )
    edition = sa.table("edition", sa.column("id"), sa.column("title"), sa.column("title_key"))
    connection = op.get_bind()
    titles = connection.execute(sa.select(edition.c.id, edition.c.title)).all()
    if titles:
        connection.execute(
            sa.update(edition)
            .where(edition.c.id == sa.bindparam("of"))
            .values(title_key=sa.bindparam("key")),
            [{"of": id_, "key": sort_key(title)} for id_, title in titles],
        )


def downgrade() -> None:
    op.drop_column("edition", "title_key")
