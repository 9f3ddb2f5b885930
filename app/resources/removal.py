"""Resources leave the library: rows at once, entries by the outbox, bytes that no one else has."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.database import writing
from app.library import Library
from app.outbox import Job, enqueue
from app.resources.holding import register_in_turn
from app.resources.models import Edition, File, Resource, Version


def remove_collection(library: Library, collection: str) -> int:
    """Remove all resources of a collection; returns how many there were."""
    with writing(library.sessions) as session:
        register_in_turn(session)
        query = select(Resource).where(Resource.collection == collection).order_by(Resource.id)
        query = query.with_for_update()
        resources = list(session.scalars(query))
        bytes_held = _bytes_of(session, [resource.id for resource in resources])
        for resource in resources:
            for edition in resource.editions:
                enqueue(session, Job.INDEX, edition.id)
                edition.published_version_id = None
            session.flush()
            session.delete(resource)
        session.flush()
        orphans = [sha256 for sha256 in bytes_held if not _is_used(session, sha256)]
    for sha256 in orphans:
        library.files.remove(sha256)
    return len(resources)


def _bytes_of(session: Session, resources: Sequence[str]) -> set[str]:
    query = (
        select(File.sha256)
        .join(Version, Version.id == File.version_id)
        .join(Edition, Edition.id == Version.edition_id)
        .where(Edition.resource_id.in_(resources))
    )
    return set(session.scalars(query))


def _is_used(session: Session, sha256: str) -> bool:
    return session.scalar(select(File.id).where(File.sha256 == sha256).limit(1)) is not None
