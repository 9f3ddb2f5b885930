"""The database's shape, step by step, up and down; run by `passerelle db upgrade`."""

from pathlib import Path

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlalchemy.exc import OperationalError

from app.database import take_turn, writing
from app.library import Library
from app.resources.topics import seed_topics


def alembic_config(library: Library) -> AlembicConfig:
    """Alembic's configuration for this library; the engine travels with it."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["engine"] = library.engine
    return config


def upgrade(library: Library) -> None:
    """To the newest revision, with the built-in vocabularies in place."""
    command.upgrade(alembic_config(library), "head")
    with writing(library.sessions) as session:
        take_turn(session, "passerelle: vocabularies")
        seed_topics(session)


def downgrade(library: Library, revision: str = "base") -> None:
    command.downgrade(alembic_config(library), revision)


def current_revision(library: Library) -> str | None:
    """The revision the database is at; none for an empty one."""
    with library.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision(library: Library) -> str | None:
    """The revision that this version of the code works with."""
    return ScriptDirectory.from_config(alembic_config(library)).get_current_head()


def database_problem(library: Library) -> str | None:
    """Why this version cannot work with the database, and what to do; none where it can."""
    try:
        found, wanted = current_revision(library), newest_revision(library)
    except OperationalError as error:
        return f"The database cannot be reached: {str(error.orig).strip()}"
    if found == wanted:
        return None
    what = f"is at revision {found}, this version needs {wanted}" if found else "is empty"
    return f"The database {what}: run `passerelle db upgrade`."
