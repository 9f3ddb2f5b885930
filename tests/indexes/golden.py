"""Values compared with JSON files kept beside the tests (`golden/`), so that a change is read.

After a change that is meant: PASSERELLE_UPDATE_GOLDEN=1 pytest tests/indexes, then read the diff.
"""

import json
import os
from pathlib import Path
from typing import Any, Final

FOLDER = Path(__file__).with_name("golden")
UPDATE = "PASSERELLE_UPDATE_GOLDEN"
WIDE: Final = 100


def assert_golden(name: str, value: Any) -> None:
    """The value is what the file of this name holds."""
    path = FOLDER / f"{name}.json"
    if os.environ.get(UPDATE):
        path.write_text(f"{readable(value)}\n", encoding="utf-8")
    assert value == json.loads(path.read_text("utf-8")), f"meant? Run it with {UPDATE}=1"


def readable(value: Any, indent: int = 0) -> str:
    """JSON with a line for whatever fits into one."""
    line = json.dumps(value, ensure_ascii=False, sort_keys=True)
    if len(line) + indent <= WIDE or not isinstance(value, list | dict):
        return line
    start, end = "[]" if isinstance(value, list) else "{}"
    inner = indent + 1
    if isinstance(value, list):
        parts = [readable(own, inner) for own in value]
    else:
        parts = [f"{json.dumps(key)}: {readable(value[key], inner)}" for key in sorted(value)]
    between = ",\n" + " " * inner
    return f"{start}\n{' ' * inner}{between.join(parts)}\n{' ' * indent}{end}"
