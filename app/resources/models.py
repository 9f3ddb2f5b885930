"""The catalogue's tables: Resource, Edition, Version, File, Page, Passage, Topic.

Three fields tell three different things and are never one: a file's `processing`, a version's
`review`, an edition's `availability`. What an edition shows is its `published_version`.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from app.database import Base, UTCDateTime, by_bytes, coded, new_id, now
from app.resources.titles import LONGEST, sort_key

DEMO = "demo"  # the collection of the demo library, shown as such and removed together


class Processing(StrEnum):
    RECEIVED = "received"
    PARSING = "parsing"
    READY = "ready"
    REFUSED = "refused"


class Review(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


class Availability(StrEnum):
    AVAILABLE = "available"
    IN_PREPARATION = "in_preparation"
    TO_UPDATE = "to_update"
    TO_RESTRUCTURE = "to_restructure"


resource_topic = Table(
    "resource_topic",
    Base.metadata,
    Column("resource_id", ForeignKey("resource.id", ondelete="CASCADE"), primary_key=True),
    Column("topic_id", ForeignKey("topic.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Topic(Base):
    """A concept of a controlled vocabulary. `scheme` is the facet: `domain`, `audience`, `country`.

    `labels` maps a language to the label; `code` is stable.
    """

    __tablename__ = "topic"
    __table_args__ = (UniqueConstraint("scheme", "code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    scheme: Mapped[str] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(120))
    labels: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    position: Mapped[int] = mapped_column(default=0)


class Resource(Base):
    """The work: one guide, toolkit, report or module, in however many languages.

    `work_key` is what joined its editions at ingest; `collection` marks sets that are removed
    together (`demo`).
    """

    __tablename__ = "resource"

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    type: Mapped[str | None] = mapped_column(String(40), index=True)
    year: Mapped[int | None]
    authors: Mapped[list[str]] = mapped_column(JSON, default=list)
    publisher: Mapped[str | None] = mapped_column(String(400))
    licence: Mapped[str | None] = mapped_column(String(200))
    work_key: Mapped[str | None] = mapped_column(String(1000), unique=True)
    collection: Mapped[str | None] = mapped_column(String(40), index=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now, index=True)

    editions: Mapped[list["Edition"]] = relationship(
        back_populates="resource", cascade="all, delete-orphan", order_by="Edition.language"
    )
    topics: Mapped[list[Topic]] = relationship(
        secondary=resource_topic, order_by="Topic.scheme, Topic.position, Topic.code"
    )


class Edition(Base):
    """A resource in one language. `language` is what people said when `language_given`, else what
    was read in the text; `und` until then. `title_key` sorts by title and follows it.
    """

    __tablename__ = "edition"
    __table_args__ = (UniqueConstraint("resource_id", "language"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    resource_id: Mapped[str] = mapped_column(ForeignKey("resource.id", ondelete="CASCADE"))
    language: Mapped[str] = mapped_column(String(35), default="und")
    language_given: Mapped[bool] = mapped_column(default=False)
    title: Mapped[str] = mapped_column(Text)
    title_key: Mapped[str] = mapped_column(by_bytes(LONGEST), server_default="")
    title_given: Mapped[bool] = mapped_column(default=False)
    abstract: Mapped[str] = mapped_column(Text, default="")
    availability: Mapped[Availability] = mapped_column(
        coded(Availability), default=Availability.AVAILABLE
    )
    published_version_id: Mapped[str | None] = mapped_column(
        ForeignKey("version.id", ondelete="SET NULL", use_alter=True)
    )
    published_at: Mapped[datetime | None] = mapped_column(UTCDateTime, index=True)

    resource: Mapped[Resource] = relationship(back_populates="editions")
    versions: Mapped[list["Version"]] = relationship(
        back_populates="edition",
        cascade="all, delete-orphan",
        foreign_keys="Version.edition_id",
        order_by="Version.number",
    )
    published_version: Mapped["Version | None"] = relationship(
        foreign_keys=published_version_id, post_update=True
    )

    @validates("title")
    def _sorted_by(self, _name: str, title: str) -> str:
        self.title_key = sort_key(title)
        return title


class Version(Base):
    """One state of an edition's files. `number` counts from 1 in the edition and stays in links."""

    __tablename__ = "version"
    __table_args__ = (UniqueConstraint("edition_id", "number"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    edition_id: Mapped[str] = mapped_column(ForeignKey("edition.id", ondelete="CASCADE"))
    number: Mapped[int]
    review: Mapped[Review] = mapped_column(coded(Review), default=Review.DRAFT)
    publish_when_ready: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)

    edition: Mapped[Edition] = relationship(back_populates="versions", foreign_keys=edition_id)
    files: Mapped[list["File"]] = relationship(
        back_populates="version", cascade="all, delete-orphan", order_by="File.id"
    )

    @property
    def reading_file(self) -> "File | None":
        """The file whose pages are shown and searched: of several formats the one that has images
        of its pages.
        """
        ready = [one for one in self.files if one.processing is Processing.READY and one.page_count]
        return min(
            ready, key=lambda one: (one.media_type != "application/pdf", one.id), default=None
        )


class File(Base):
    """The bytes of a version in one format, found in the store by `sha256`.

    `source_key` is where it came from, the identity at ingest: the same key with other bytes is a
    new version of the same edition. `reason` is an `ingest.errors.Reason` when refused.
    `outline` is a list of [title, level, page]; `notices` of `ingest.types.Notice`.
    """

    __tablename__ = "file"
    __table_args__ = (Index("ix_file_source_key_id", "source_key", "id"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True, default=new_id)
    version_id: Mapped[str] = mapped_column(
        ForeignKey("version.id", ondelete="CASCADE"), index=True
    )
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    size: Mapped[int]
    name: Mapped[str] = mapped_column(String(1000))
    source_key: Mapped[str] = mapped_column(String(1000))
    media_type: Mapped[str | None] = mapped_column(String(120))
    processing: Mapped[Processing] = mapped_column(coded(Processing), default=Processing.RECEIVED)
    reason: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str] = mapped_column(Text, default="")
    notices: Mapped[list[str]] = mapped_column(JSON, default=list)
    text_language: Mapped[str] = mapped_column(String(35), default="und")
    page_count: Mapped[int] = mapped_column(default=0)
    passage_count: Mapped[int] = mapped_column(default=0)
    outline: Mapped[list[list[Any]]] = mapped_column(JSON, default=list)
    parse_seconds: Mapped[float] = mapped_column(default=0.0)
    store_seconds: Mapped[float] = mapped_column(default=0.0)
    created_at: Mapped[datetime] = mapped_column(UTCDateTime, default=now)

    version: Mapped[Version] = relationship(back_populates="files")


class Page(Base):
    """A page of a file as blocks: a list of {kind, text, level?, rows?} (`ingest.types.Block`)."""

    __tablename__ = "page"
    __table_args__ = (UniqueConstraint("file_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    file_id: Mapped[str] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"))
    number: Mapped[int]
    label: Mapped[str | None] = mapped_column(String(200))
    text_language: Mapped[str] = mapped_column(String(35))
    headings: Mapped[list[str]] = mapped_column(JSON)
    blocks: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class Passage(Base):
    """What search finds and cites. The id is made from version, page and text, so that parsing the
    same bytes again gives the same address.
    """

    __tablename__ = "passage"
    __table_args__ = (Index("ix_passage_file_id_ordinal", "file_id", "ordinal"),)

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    file_id: Mapped[str] = mapped_column(ForeignKey("file.id", ondelete="CASCADE"))
    ordinal: Mapped[int]
    page: Mapped[int]
    last_page: Mapped[int]
    first_block: Mapped[int]
    language: Mapped[str] = mapped_column(String(35))
    headings: Mapped[list[str]] = mapped_column(JSON)
    text: Mapped[str] = mapped_column(Text)
