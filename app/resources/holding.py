"""Who may change the catalogue at this moment.

On SQLite those who write take turns. On PostgreSQL they work at the same time, so that what is
read first and then decided upon has to be held: two files of one version that are read at once
must not both think that the other is still to come.
"""

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.database import take_turn
from app.resources.models import Edition, File, Resource, Version


def register_in_turn(session: Session) -> None:
    """Whether a work, a file or a language is there already is asked and answered by one alone."""
    take_turn(session, "passerelle: what comes into the catalogue")


def hold_resources(session: Session, files: ColumnElement[bool]) -> None:
    """Let nobody else change the resources of these files until the transaction ends.

    To be called before anything of them is read, since it waits for those who are changing them.
    """
    own = (
        select(Edition.resource_id)
        .join(Version, Version.edition_id == Edition.id)
        .join(File, File.version_id == Version.id)
        .where(files)
    )
    # In one order, so that two who wait do not wait for each other.
    held = select(Resource.id).where(Resource.id.in_(own)).order_by(Resource.id)
    session.execute(held.with_for_update(key_share=True)).all()
