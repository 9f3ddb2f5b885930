"""The commands, as a person and as a machine call them."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli import passerelle
from app.config import read_config
from app.library import Library
from app.resources.models import Passage, Resource

Run = Callable[..., Result]

TEXTS = {
    "en/a.md": "# Mapping\n\nA map of the cultural sector shows who works where.",
    "fr/a.md": "# Cartographier\n\nUne carte du secteur culturel montre qui travaille où.",
    "es/b.md": "# Presupuesto\n\nEl presupuesto detalla cada gasto previsto y su fuente.",
}


@pytest.fixture
def environment(tmp_path: Path, empty_database: str) -> dict[str, str]:
    """A data folder of its own, and no model: words only, and quick."""
    return {
        "PASSERELLE_DATA": str(tmp_path / "data"),
        "PASSERELLE_DATABASE_URL": empty_database,
        "PASSERELLE_MODEL": str(tmp_path / "none"),
        "LANGUAGE": "en",
    }


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def call(*arguments: object, **more: str) -> Result:
        runner = CliRunner(env=environment | more)
        return runner.invoke(passerelle, [str(argument) for argument in arguments])

    assert call("db", "upgrade").exit_code == 0
    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in TEXTS.items():
        path = tmp_path / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "texts"


@pytest.mark.parametrize(
    "command",
    [("search", "map"), ("index", "status"), ("demo", "load"), ("worker", "--once"), ("serve",)],
)
def test_without_a_database_a_command_says_what_to_do(
    environment: dict[str, str], command: tuple[str, ...]
) -> None:
    done = CliRunner(env=environment).invoke(passerelle, list(command))
    assert done.exit_code == 1
    assert done.output == "Error: The database is empty: run `passerelle db upgrade`.\n"


def lines(done: Result) -> list[dict[str, object]]:
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_ingest_tells_of_each_file_and_again_that_nothing_changed(run: Run, folder: Path) -> None:
    first = lines(run("ingest", folder, "--json"))
    assert {Path(str(line["path"])).name: line["outcome"] for line in first} == {
        "a.md": "added",
        "b.md": "added",
    }
    assert len(first) == 3
    assert set(first[0]) == {
        "path",
        "outcome",
        "reason",
        "language",
        "pages",
        "passages",
        "seconds",
    }
    assert sorted(str(line["language"]) for line in first) == ["en", "es", "fr"]
    assert {line["outcome"] for line in lines(run("ingest", folder, "--json"))} == {"unchanged"}


def test_editions_join_languages_and_the_search_links_them(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "editions.tsv"
    table.write_text("work\tlanguage\tpath\nw\ten\ten/a.md\nw\tfr\tfr/a.md\n", encoding="utf-8")
    run("ingest", folder, "--editions", table)
    (hit,) = lines(run("search", "carte du secteur", "--language", "fr", "--json"))
    assert set(hit) == {
        "kind",
        "resource",
        "url",
        "title",
        "language",
        "file",
        "page",
        "page_label",
        "text",
        "extract",
        "score",
        "found_by",
        "editions",
    }
    assert (hit["language"], hit["page"], hit["file"]) == ("fr", 1, "a.md")
    assert str(hit["url"]).startswith("/fr/resources/")
    assert hit["editions"] == [{"language": "en", "url": f"/fr/resources/{hit['resource']}/en"}]


def test_search_stays_within_the_languages_asked_for(run: Run, folder: Path) -> None:
    run("ingest", folder)
    assert lines(run("search", "presupuesto", "--in", "en,fr", "--json")) == []
    assert len(lines(run("search", "presupuesto", "--in", "es", "--json"))) == 1


@pytest.mark.parametrize("query", ['"unbalanced', "a\x07b", "-", "***", '""', "😀", "AND OR NOT"])
def test_odd_queries_get_an_answer(run: Run, folder: Path, query: str) -> None:
    run("ingest", folder)
    assert run("search", query, "--json").exit_code == 0


def test_a_query_that_is_too_long_is_refused_clearly(run: Run) -> None:
    done = run("search", "x" * 2001)
    assert done.exit_code == 2
    assert "at most 2000" in done.stderr
    assert "Traceback" not in done.stderr


def test_bad_files_are_named_with_what_to_do_in_the_persons_language(
    run: Run, folder: Path
) -> None:
    (folder / "empty.pdf").write_bytes(b"")
    (folder / "broken.docx").write_bytes(b"PK\x03\x04 and no more")
    done = run("ingest", folder, LANGUAGE="fr")
    assert done.exit_code == 0
    assert "empty.pdf: Le fichier est vide" in done.stderr
    outcomes = {
        Path(str(line["path"])).name: (line["outcome"], line["reason"])
        for line in lines(run("ingest", folder, "--json"))
    }
    assert outcomes["empty.pdf"] == ("refused", "empty")
    assert outcomes["broken.docx"] == ("refused", "broken")
    assert outcomes["b.md"] == ("unchanged", "")


def test_nothing_but_refusals_is_a_failure(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.md").write_bytes(b"")
    assert run("ingest", tmp_path / "empty.md").exit_code == 1
    assert run("ingest", tmp_path / "missing.md").exit_code == 2


def test_a_zip_is_taken_apart(run: Run, folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as archive:
        for name, text in TEXTS.items():
            archive.writestr(name, text)
    found = lines(run("ingest", tmp_path / "texts.zip", "--json"))
    assert sorted(str(line["outcome"]) for line in found) == ["added"] * 3


def test_metadata_gives_titles_and_facets(run: Run, folder: Path, tmp_path: Path) -> None:
    (folder / "metadata.csv").write_text(
        "path,title,type,year,domains,language,work\n"
        "es/b.md,El presupuesto paso a paso,guide,2015,ifcd-projects,,\n"
        ",Un registro sin archivo,online-tool,,,es,registro\n",
        encoding="utf-8",
    )
    assert len(lines(run("ingest", folder, "--json"))) == 3
    (hit,) = lines(run("search", "gasto previsto", "--json"))
    assert hit["title"] == "El presupuesto paso a paso"
    (record,) = lines(run("search", "registro archivo", "--json"))
    assert (record["kind"], record["page"]) == ("record", None)


def test_a_table_that_cannot_be_used_stores_nothing(run: Run, folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "m.csv"
    table.write_text("path,colour\nes/b.md,red\n", encoding="utf-8")
    done = run("ingest", folder, "--metadata", table)
    assert done.exit_code == 2
    assert "colour" in done.stderr
    assert lines(run("search", "presupuesto", "--json")) == []


def test_no_wait_leaves_the_work_to_a_worker(run: Run, folder: Path) -> None:
    run("ingest", folder, "--no-wait")
    assert lines(run("search", "presupuesto", "--json")) == []
    assert run("worker", "--once").exit_code == 0
    assert len(lines(run("search", "presupuesto", "--json"))) == 1


def test_status_rebuild_and_doctor_tell_what_is_there(run: Run, folder: Path) -> None:
    run("ingest", folder)
    (before,) = lines(run("index", "status", "--json"))
    assert before["entries"] == 6  # a record and a passage for each
    assert lines(run("index", "rebuild", "--json"))[0]["entries"] == 6
    (after,) = lines(run("index", "status", "--json"))
    assert after["generation"] != before["generation"]
    told = run("doctor", "--json")
    assert told.exit_code == 1  # something is missing
    found = json.loads(told.stdout)
    assert found["search"] == "words only"
    assert "make model" in str(found["missing"])
    assert run("model", "info").exit_code == 1


def test_every_command_explains_itself(run: Run) -> None:
    listed = run("--help").stdout
    for name in ("ingest", "search", "evaluate", "index", "worker", "serve", "model", "demo", "db"):
        assert name in listed
        assert len(run(name, "--help").stdout) > 150


def test_a_killed_ingest_goes_on_where_it_was_and_loses_and_repeats_nothing(
    run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(40):
        text = f"# Text {number}\n\n" + f"Sentence {number} speaks of the subject at hand. " * 40
        (many / f"{number}.md").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "app.cli", "ingest", str(many), "--json"]
    for seen in (1, 12):  # killed after so many files were told
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        for _ in range(seen):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    began = time.monotonic()
    last = lines(run("ingest", many, "--json"))
    assert len(last) == 40
    again = lines(run("ingest", many, "--json"))
    assert [line["outcome"] for line in again] == ["unchanged"] * 40
    assert {line["outcome"] for line in last} <= {"added", "unchanged"}
    assert time.monotonic() - began < 5 * 45  # a dead worker's lease runs 30 s
    run("worker", "--once")
    (status,) = lines(run("index", "status", "--json"))
    library = Library(read_config(environment))
    with library.sessions() as session:
        assert session.query(Resource).count() == 40
        passages = {row.id for row in session.query(Passage)}
    assert (
        set(library.index.all_ids())
        - {entry for entry in library.index.all_ids() if entry.startswith("r-")}
        == passages
    )
    assert status["entries"] == len(passages) + 40
    backlog = status["backlog"]
    assert isinstance(backlog, dict)
    assert all(part["waiting"] == part["failed"] == 0 for part in backlog.values())
