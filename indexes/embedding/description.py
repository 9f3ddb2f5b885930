"""What an embedding engine is made of, and the name that its vectors go by."""

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Description:
    """All that goes into an engine's vectors; language directions are named apart.

    `weights_sha256` stands for every weight and for the tokenizer, in the form that the engine
    works with. `max_tokens` counts as the engine does.
    """

    engine: str
    name: str
    dimensions: int
    pooling: str
    query_prefix: str
    passage_prefix: str
    max_tokens: int
    max_query_tokens: int
    weights_sha256: str


def fingerprint_of(description: Description) -> str:
    """The model's name and a digest of everything else: another one, other vectors."""
    content = json.dumps(asdict(description), sort_keys=True).encode()
    return f"{description.name}-{hashlib.sha256(content).hexdigest()[:12]}"
