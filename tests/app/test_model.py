"""The embedding model of a library: chosen, damaged, absent; what the commands and the page say.

On the database that a data folder has by itself: which one it is makes no difference to a model.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app import create_app
from app.cli import passerelle
from app.config import ConfigError, read_config
from app.library import Library
from app.migrations import upgrade
from indexes.embedding.model_choice import Engine
from indexes.embedding.model_folder import GRAPH, MANIFEST, describe_file

ONLY_WORDS = "only the words themselves were looked up"


def call(data: Path, model: str, *arguments: str) -> Result:
    environment = {"PASSERELLE_DATA": str(data), "PASSERELLE_MODEL": model, "LANGUAGE": "en"}
    return CliRunner(env=environment).invoke(passerelle, arguments)


def filled(data: Path, model: str, folder: Path) -> None:
    folder.mkdir()
    (folder / "law.md").write_text("# Law\n\nThe law of the sea says who may fish where.")
    for arguments in (["db", "upgrade"], ["ingest", str(folder)]):
        assert call(data, model, *arguments).exit_code == 0


def found(data: Path, model: str, query: str) -> Sequence[str]:
    done = call(data, model, "search", query, "--json")
    assert done.exit_code == 0, done.output
    return [title for line in done.stdout.splitlines() if (title := json.loads(line)["title"])]


def page(data: Path, model: str, query: str) -> str:
    library = Library(read_config({"PASSERELLE_DATA": str(data), "PASSERELLE_MODEL": model}))
    answer = create_app(library=library).test_client().get("/en/search", query_string={"q": query})
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_words_only_can_be_chosen_and_is_nothing_missing(tmp_path: Path) -> None:
    filled(tmp_path / "data", "none", tmp_path / "texts")
    assert found(tmp_path / "data", "none", "sea") == ["Law"]
    assert ONLY_WORDS in page(tmp_path / "data", "none", "sea")
    doctor = call(tmp_path / "data", "none", "doctor", "--json")
    assert doctor.exit_code == 0
    assert json.loads(doctor.stdout)["search"] == "words only"
    info = call(tmp_path / "data", "none", "model", "info")
    assert info.exit_code == 1
    assert "No model is chosen" in info.output


@pytest.mark.parametrize(
    ("content", "told"), [(None, "no embedding model"), ("{garbage", "cannot be read")]
)
def test_a_model_that_is_not_there_is_said_and_words_go_on(
    tmp_path: Path, content: str | None, told: str
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    if content is not None:
        (folder / MANIFEST).write_text(content)
    filled(tmp_path / "data", str(folder), tmp_path / "texts")
    assert found(tmp_path / "data", str(folder), "sea") == ["Law"]
    assert ONLY_WORDS in page(tmp_path / "data", str(folder), "sea")
    doctor = call(tmp_path / "data", str(folder), "doctor", "--json")
    assert doctor.exit_code == 1
    assert told in json.loads(doctor.stdout)["missing"]["model"]
    info = call(tmp_path / "data", str(folder), "model", "info")
    assert info.exit_code == 1
    assert told in info.output


@pytest.mark.model
def test_a_model_that_fails_when_it_is_used_is_said_and_words_go_on(
    model_folder: Path, tmp_path: Path
) -> None:
    """The index was filled when the model worked."""
    data, folder = tmp_path / "data", shutil.copytree(model_folder, tmp_path / "model")
    filled(data, str(folder), tmp_path / "texts")
    (folder / GRAPH).write_bytes(b"\xff" * 100)
    manifest = json.loads((folder / MANIFEST).read_text())
    stored = describe_file(folder / GRAPH)
    manifest["files"][GRAPH] = {"size": stored.size, "sha256": stored.sha256}
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert found(data, str(folder), "sea") == ["Law"]
    assert ONLY_WORDS in page(data, str(folder), "sea")
    info = call(data, str(folder), "model", "info")
    assert info.exit_code == 1
    assert "cannot be loaded" in info.output
    doctor = call(data, str(folder), "doctor", "--json")
    assert doctor.exit_code == 1
    assert "cannot be loaded" in json.loads(doctor.stdout)["missing"]["model"]


@pytest.mark.model
def test_info_tells_which_model_it_is(model_folder: Path, tmp_path: Path) -> None:
    told = json.loads(call(tmp_path, str(model_folder), "model", "info", "--json").stdout)
    assert told["engine"] == Engine.ONNX
    assert told["folder"] == str(model_folder)
    assert told["dimensions"] == 384
    assert told["fingerprint"].startswith("multilingual-e5-small-")


def test_a_choice_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="PASSERELLE_MODEL"):
        read_config({"PASSERELLE_MODEL": "sentence-transformers:m?colour=red"})
    refused = call(tmp_path, "sentence-transformers:m?colour=red", "doctor")
    assert refused.exit_code == 2
    assert "colour" in refused.output


def test_building_from_a_missing_model_says_what_to_do(tmp_path: Path) -> None:
    upgrade(Library(read_config({"PASSERELLE_DATA": str(tmp_path)})))
    done = call(tmp_path, "none", "model", "build", "--from", str(tmp_path / "no"), str(tmp_path))
    assert done.exit_code == 1
    assert str(tmp_path / "no") in done.output
