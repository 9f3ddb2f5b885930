"""The catalogue and the outbox"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job", sa.String(length=20), nullable=False),
        sa.Column("subject", sa.String(length=26), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_by", sa.String(length=26), nullable=True),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index(
        "ix_outbox_job_failed_available_at", "outbox", ["job", "failed", "available_at"]
    )
    op.create_index("ix_outbox_subject", "outbox", ["subject"])
    op.create_table(
        "resource",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("authors", sa.JSON(), nullable=False),
        sa.Column("publisher", sa.String(length=400), nullable=True),
        sa.Column("licence", sa.String(length=200), nullable=True),
        sa.Column("work_key", sa.String(length=1000), nullable=True),
        sa.Column("collection", sa.String(length=40), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_resource"),
        sa.UniqueConstraint("work_key", name="uq_resource_work_key"),
    )
    op.create_index("ix_resource_collection", "resource", ["collection"])
    op.create_index("ix_resource_created_at", "resource", ["created_at"])
    op.create_index("ix_resource_type", "resource", ["type"])
    op.create_table(
        "topic",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scheme", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=120), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_topic"),
        sa.UniqueConstraint("scheme", "code", name="uq_topic_scheme_code"),
    )
    op.create_table(
        "edition",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("resource_id", sa.String(length=26), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("language_given", sa.Boolean(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("title_given", sa.Boolean(), nullable=False),
        sa.Column("abstract", sa.Text(), nullable=False),
        sa.Column("availability", sa.String(length=20), nullable=False),
        sa.Column("published_version_id", sa.String(length=26), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["resource_id"],
            ["resource.id"],
            name="fk_edition_resource_id_resource",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_edition"),
        sa.UniqueConstraint("resource_id", "language", name="uq_edition_resource_id_language"),
    )
    op.create_index("ix_edition_published_at", "edition", ["published_at"])
    op.create_table(
        "resource_topic",
        sa.Column("resource_id", sa.String(length=26), nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_id"],
            ["resource.id"],
            name="fk_resource_topic_resource_id_resource",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["topic_id"], ["topic.id"], name="fk_resource_topic_topic_id_topic", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("resource_id", "topic_id", name="pk_resource_topic"),
    )
    op.create_index("ix_resource_topic_topic_id", "resource_topic", ["topic_id"])
    op.create_table(
        "version",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("edition_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("review", sa.String(length=20), nullable=False),
        sa.Column("publish_when_ready", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["edition.id"], name="fk_version_edition_id_edition", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_version"),
        sa.UniqueConstraint("edition_id", "number", name="uq_version_edition_id_number"),
    )
    # Edition and version point at each other: the second arrow is drawn when both are there.
    with op.batch_alter_table("edition") as edition:
        edition.create_foreign_key(
            "fk_edition_published_version_id_version",
            "version",
            ["published_version_id"],
            ["id"],
            ondelete="SET NULL",
        )
    op.create_table(
        "file",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("version_id", sa.String(length=26), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=1000), nullable=False),
        sa.Column("source_key", sa.String(length=1000), nullable=False),
        sa.Column("media_type", sa.String(length=120), nullable=True),
        sa.Column("processing", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("notices", sa.JSON(), nullable=False),
        sa.Column("text_language", sa.String(length=35), nullable=False),
        sa.Column("page_count", sa.Integer(), nullable=False),
        sa.Column("passage_count", sa.Integer(), nullable=False),
        sa.Column("outline", sa.JSON(), nullable=False),
        sa.Column("parse_seconds", sa.Double(), nullable=False),
        sa.Column("store_seconds", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"], ["version.id"], name="fk_file_version_id_version", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_file"),
    )
    op.create_index("ix_file_sha256", "file", ["sha256"])
    op.create_index("ix_file_source_key_id", "file", ["source_key", "id"])
    op.create_index("ix_file_version_id", "file", ["version_id"])
    op.create_table(
        "page",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=200), nullable=True),
        sa.Column("text_language", sa.String(length=35), nullable=False),
        sa.Column("headings", sa.JSON(), nullable=False),
        sa.Column("blocks", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["file.id"], name="fk_page_file_id_file", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_page"),
        sa.UniqueConstraint("file_id", "number", name="uq_page_file_id_number"),
    )
    op.create_table(
        "passage",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("file_id", sa.String(length=26), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("last_page", sa.Integer(), nullable=False),
        sa.Column("first_block", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("headings", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["file.id"], name="fk_passage_file_id_file", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_passage"),
    )
    op.create_index("ix_passage_file_id_ordinal", "passage", ["file_id", "ordinal"])


def downgrade() -> None:
    with op.batch_alter_table("edition") as edition:
        edition.drop_constraint("fk_edition_published_version_id_version", type_="foreignkey")
    for table in (
        "passage", "page", "file", "version", "resource_topic", "edition", "topic", "resource",
        "outbox",
    ):  # fmt: skip
        op.drop_table(table)
