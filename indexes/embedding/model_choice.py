"""Which embedding engine is meant by a line of text, as in the variable PASSERELLE_MODEL.

    FOLDER                                     the ONNX engine, on a folder that was built for it
    sentence-transformers:NAME_OR_FOLDER       that library, for any model that it can load
    none                                       no engine: search by words only

After a `?` a model's own configuration can be overruled by any of `query`, `passage` (prefixes),
`pooling` and `max_tokens`, as in `sentence-transformers:NAME?query=query: &max_tokens=256`; a built
folder has these in its manifest, and takes none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl

from indexes.errors import UnknownModel


class Engine(StrEnum):
    """What turns texts into vectors."""

    ONNX = "onnx"
    SENTENCE_TRANSFORMERS = "sentence-transformers"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Overrules:
    """What is to be used instead of what a model's own configuration says; none leaves it.

    `max_tokens` counts a passage's tokens with its prefix and the special ones.
    """

    query_prefix: str | None = None
    passage_prefix: str | None = None
    pooling: str | None = None
    max_tokens: int | None = None


AS_STATED: Final = Overrules()


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """An engine, the model's name or folder, and what is overruled."""

    engine: Engine
    model: str = ""
    overrules: Overrules = AS_STATED


POOLINGS: Final = ("mean", "cls")
_MARK = f"{Engine.SENTENCE_TRANSFORMERS}:"
_FIELDS = ("query", "passage", "pooling", "max_tokens")

# Models whose cards ask for prefixes that their configuration does not state.
_PREFIXES: Final = {
    re.compile(r"(multilingual-)?e5-(small|base|large)(-v2)?"): ("query: ", "passage: "),
    re.compile(r"bge-(small|base|large)-en-v1\.5"): (
        "Represent this sentence for searching relevant passages: ",
        "",
    ),
}


def read_choice(text: str | Path) -> ModelChoice:
    """The choice that a line of text means; a path is a folder of the ONNX engine.

    Raises:
        UnknownModel: an overrule has another name or a value that cannot be.
    """
    if isinstance(text, Path):
        return ModelChoice(Engine.ONNX, str(text))
    if text == Engine.NONE:
        return ModelChoice(Engine.NONE)
    if not text.startswith(_MARK):
        return ModelChoice(Engine.ONNX, text)
    return ModelChoice(Engine.SENTENCE_TRANSFORMERS, *read_source(text.removeprefix(_MARK)))


def read_source(text: str) -> tuple[str, Overrules]:
    """A model's name or folder, and what follows it after a `?`.

    Raises:
        UnknownModel: there is no name, or what follows it cannot be.
    """
    model, _, after = text.partition("?")
    if not model:
        raise UnknownModel(f"{text!r} names no model: a name or a folder is expected.")
    return model, _overrules(dict(parse_qsl(after, keep_blank_values=True)))


def prefixes_of(name: str, stated: Mapping[str, str], overrules: Overrules) -> tuple[str, str]:
    """What goes before a query and before a passage: overruled, stated, known by name, or nothing.

    `stated` are the prompts in config_sentence_transformers.json; a passage's has several names.
    """
    known = next(
        (p for pattern, p in _PREFIXES.items() if pattern.fullmatch(_last(name))), ("", "")
    )
    passage = next((stated[key] for key in ("passage", "document") if stated.get(key)), known[1])
    query = stated.get("query") or known[0]
    return (
        query if overrules.query_prefix is None else overrules.query_prefix,
        passage if overrules.passage_prefix is None else overrules.passage_prefix,
    )


def short_name(model: str) -> str:
    """The name without its owner or the folders above, as fingerprints begin with."""
    return re.sub(r"[^\w.-]+", "-", _last(model)) or "model"


def _last(model: str) -> str:
    return model.rstrip("/").rpartition("/")[2]


def _overrules(given: Mapping[str, str]) -> Overrules:
    if unknown := given.keys() - set(_FIELDS):
        names = ", ".join(_FIELDS)
        raise UnknownModel(f"A model has no {', '.join(sorted(unknown))}; it may have {names}.")
    if (pooling := given.get("pooling")) not in (None, *POOLINGS):
        raise UnknownModel(f"pooling is {' or '.join(POOLINGS)}, not {pooling!r}.")
    limit = given.get("max_tokens")
    if limit is not None and not (limit.isascii() and limit.isdigit() and int(limit) > 2):
        raise UnknownModel(f"max_tokens is a number from 3, not {limit!r}.")
    return Overrules(
        query_prefix=given.get("query"),
        passage_prefix=given.get("passage"),
        pooling=pooling,
        max_tokens=int(limit) if limit else None,
    )
