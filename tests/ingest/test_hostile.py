"""The real files that break parsers: an outcome for each, and the right one."""

import csv
import time
from pathlib import Path

import pytest

from ingest.errors import Refused
from ingest.sandbox import ingest_file

pytestmark = pytest.mark.material

EXPECTED = {
    "encrypted-password": {"encrypted"},
    "encrypted-owner": {"read", "broken"},
    "no-text-image": {"read"},
    "multi-column": {"read"},
    "broken": {"broken", "read"},
}
SAMPLE = 6  # each so many files


def entries(hostile: Path) -> list[dict[str, str]]:
    with (hostile / "MANIFEST.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def outcome(path: Path) -> str:
    try:
        ingested = ingest_file(path)
    except Refused as refused:
        return refused.reason.value
    assert ingested.pages
    assert all(0 < len(p.text) <= 1200 for p in ingested.passages)
    return "read"


def check(hostile: Path, entry: dict[str, str]) -> None:
    started = time.monotonic()
    found = outcome(hostile / entry["path"])
    assert time.monotonic() - started < 60
    assert found != "crashed", entry["path"]
    for flag in entry["flags"].split():
        assert found in EXPECTED.get(flag, {found}), (entry["path"], found)


def test_a_sample(hostile: Path) -> None:
    for entry in entries(hostile)[::SAMPLE]:
        check(hostile, entry)


@pytest.mark.slow
def test_all(hostile: Path) -> None:
    for entry in entries(hostile):
        check(hostile, entry)
