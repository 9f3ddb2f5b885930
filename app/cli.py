"""`passerelle …`: everything that is done to a library from a terminal."""

import click
from sqlalchemy.exc import DBAPIError

from app import logs
from app.commands.asking import search
from app.commands.demo import demo
from app.commands.evaluating import evaluate
from app.commands.ingesting import ingest
from app.commands.keeping import backup, restore
from app.commands.operating import db, doctor, index, model, serve, worker
from app.config import ConfigError, read_config
from app.library import Library
from app.memory import keep_one_heap
from app.migrations import database_problem


class _Commands(click.Group):
    """Says what to do where the database is not the one that this version needs."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except DBAPIError as error:
            if isinstance(context.obj, Library) and (problem := database_problem(context.obj)):
                raise click.ClickException(problem) from error
            raise


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="passerelle")
@click.pass_context
def passerelle(context: click.Context) -> None:
    """Passerelle: a library asked in English, French or Spanish and answered from all three.

    Where things are is told by PASSERELLE_* variables (docs/operating.md).
    """
    try:
        config = read_config()
    except ConfigError as error:
        raise click.UsageError(str(error)) from error
    logs.configure(config.log_format, config.log_level)
    context.obj = Library(config)


for command in (
    backup, db, demo, doctor, evaluate, index, ingest, model, restore, search, serve, worker,
):  # fmt: skip
    passerelle.add_command(command)


def main() -> None:
    keep_one_heap()
    passerelle()


if __name__ == "__main__":
    main()
