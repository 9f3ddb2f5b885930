"""`passerelle search`."""

import click

from app.addresses import UI_LANGUAGES
from app.commands.output import as_json, emit, give_up, terminal_language
from app.library import Library
from app.search.hits import SearchHit
from app.search.objects import hit_object
from app.search.services import SearchRequest
from app.search.services import search as answer
from indexes.errors import IndexesError, QueryTooLong


@click.command()
@click.argument("query")
@click.option(
    "--language",
    type=click.Choice(UI_LANGUAGES),
    default=terminal_language,
    help="The reader's language: labels, and the edition that leads.",
)
@click.option(
    "--in",
    "within",
    metavar="LANGUAGES",
    default="",
    help="Languages of the passages searched, as in en,es; all if not given.",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 100),
    default=10,
    show_default=True,
    help="At most so many resources.",
)
@as_json
@click.pass_obj
def search(
    library: Library, query: str, language: str, within: str, limit: int, as_json: bool
) -> None:  # fmt: skip
    """Ask the library; at most one hit a resource, best first."""
    languages = tuple(code.strip() for code in within.split(",") if code.strip())
    request = SearchRequest(text=query, ui=language, languages=languages, per_page=limit)
    try:
        page = answer(library, request)
    except QueryTooLong as error:
        raise click.UsageError(str(error)) from error
    except IndexesError as error:
        give_up(str(error))
    for number, hit in enumerate(page.hits, 1):
        if as_json:
            emit(hit_object(hit))
        else:
            click.echo(_for_people(number, hit))
    if not page.hits and not as_json:
        click.echo("Nothing was found.", err=True)


def _for_people(number: int, hit: SearchHit) -> str:
    place = f", page {hit.page} of {hit.page_count}" if hit.page else ""
    label = f" ({hit.page_label})" if hit.page_label not in (None, str(hit.page)) else ""
    spans = (click.style(s.text, bold=True) if s.marked else s.text for s in hit.extract)
    extract = " ".join("".join(spans).split())
    title = click.style(hit.title, bold=True)
    return f"{number}. {title} [{hit.language}{place}{label}]\n   {extract}\n   {hit.url}\n"
