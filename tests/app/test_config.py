"""Every variable is described where operators look."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = re.compile(r"\bPASSERELLE_[A-Z_]*[A-Z]\b")


def test_each_variable_that_is_read_is_described_and_none_besides() -> None:
    sources = [
        path for package in ("app", "indexes", "ingest") for path in (ROOT / package).rglob("*.py")
    ]
    read = {name for path in sources for name in VARIABLE.findall(path.read_text("utf-8"))}
    described = set(VARIABLE.findall((ROOT / "docs" / "operating.md").read_text("utf-8")))
    assert read == described
