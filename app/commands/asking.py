"""`passerelle search` and `passerelle evaluate`."""

import json
from pathlib import Path

import click

from app.addresses import UI_LANGUAGES
from app.commands.output import Steps, as_json, emit, give_up, terminal_language
from app.library import Library
from app.search.objects import hit_object
from app.search.services import SearchHit, SearchRequest
from app.search.services import search as answer
from indexes.errors import IndexesError, QueryTooLong
from indexes.evaluation import evaluate as measure


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


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--queries", type=click.IntRange(min=1), help="Only so many, spread over the set.")
@as_json
@click.pass_obj
def evaluate(library: Library, folder: Path, queries: int | None, as_json: bool) -> None:
    """Measure search quality on a judged set in BEIR layout.

    FOLDER holds corpus.jsonl (_id, text, lang), queries.jsonl and qrels.tsv. Each document is one
    passage of a temporary index; figures are given by the language of the query and the languages
    of the pool.
    """
    if library.embedder is None:
        give_up("The model is not built: run `make model`, then ask again.")
    try:
        with Steps() as steps:
            found = measure(folder, library.embedder, queries, steps.show)
    except IndexesError as error:
        give_up(str(error))
    click.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=None if as_json else 2))
