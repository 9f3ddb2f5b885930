"""What changes while an index is built anew"""

import sqlalchemy as sa
from alembic import op

from app.database import UTCDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "rebuild",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("until", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rebuild"),
    )
    op.create_table(
        "rebuild_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edition", sa.String(length=26), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rebuild_change"),
    )


def downgrade() -> None:
    op.drop_table("rebuild_change")
    op.drop_table("rebuild")
