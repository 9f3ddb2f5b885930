"""What an index was built with, so that what was made otherwise is never mixed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from indexes import analysis
from indexes.errors import IndexMismatch

WORDS: Final = frozenset({"schema", "analysis"})  # what a search by words depends on


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`parts` by name: schema of the backend, analysis of words, embedder, dimensions."""

    parts: Mapping[str, str]

    @classmethod
    def of(cls, schema: str, embedder: str, dimensions: int) -> "Fingerprint":
        """What this version builds with."""
        return cls(
            {
                "schema": schema,
                "analysis": analysis.fingerprint(),
                "embedder": embedder,
                "dimensions": str(dimensions),
            }
        )

    def differing(
        self, built: Mapping[str, str], among: Collection[str] | None = None
    ) -> tuple[str, ...]:
        """The parts, or those of them that are named, in which an index was built otherwise."""
        return tuple(
            name
            for name, value in self.parts.items()
            if (among is None or name in among) and built.get(name) != value
        )

    def check(self, built: Mapping[str, str], among: Collection[str] | None = None) -> None:
        """Refuse an index that was built otherwise.

        Raises:
            IndexMismatch: naming in what.
        """
        if different := self.differing(built, among):
            raise IndexMismatch(
                f"The index was built with another {', '.join(different)}: rebuild it"
            )
