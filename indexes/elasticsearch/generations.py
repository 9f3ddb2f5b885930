"""Generations of an index, and the alias that says which one answers.

    NAME              alias of the generation in use
    NAME-000007       a generation; `_meta` of its mapping has its fingerprint
    NAME-locks        who writes, who rebuilds (`leases`)

A generation that is built aside gets its alias when it is whole. The one before is kept for a
rollback, older ones go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from indexes.elasticsearch.address import Address
from indexes.elasticsearch.connection import Connection
from indexes.elasticsearch.settings import index_settings, mappings
from indexes.errors import IndexUnavailable, NothingToRollBack

_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation as its mapping tells of it. `whole`: it was built to its end."""

    name: str
    fingerprint: Mapping[str, str]
    whole: bool


class Generations:
    """Those of one index."""

    def __init__(self, connection: Connection, address: Address) -> None:
        self._connection = connection
        self._address = address

    def current(self) -> Generation | None:
        """The one in use; none before the first."""
        found = self._told(self._address.name)
        if not found:
            return None
        if len(found) != 1 or not self._is_generation(found[0].name):
            raise IndexUnavailable(f"{self._address.name} is not an alias of one generation")
        return found[0]

    def all(self) -> list[Generation]:
        """Every one, the oldest first."""
        found = self._told(f"{self._address.name}-*")
        return [one for one in found if self._is_generation(one.name)]

    def create(
        self, fingerprint: Mapping[str, str], dimensions: int, *, whole: bool = False
    ) -> Generation:
        """A new one, which does not answer yet."""
        number = max([int(one.name[-_DIGITS:]) for one in self.all()], default=0) + 1
        name = f"{self._address.name}-{number:0{_DIGITS}}"
        self._connection.call(
            lambda client: client.indices.create(
                index=name,
                settings=index_settings(self._address),
                mappings=mappings(dimensions, self._address.vectors, fingerprint, whole=whole),
            )
        )
        return Generation(name, fingerprint, whole)

    def create_first(self, fingerprint: Mapping[str, str], dimensions: int) -> Generation:
        """The very first, which answers: with nothing in it nothing is missing.

        The alias comes second. Created with it, searches would find an index without shards.
        """
        generation = self.create(fingerprint, dimensions, whole=True)
        self._point_to(generation, None)
        return generation

    def publish(self, generation: Generation) -> None:
        """Let it answer, in one step; of the others the last one stays for a rollback."""
        meta = {"fingerprint": dict(generation.fingerprint), "whole": True}
        self._connection.call(
            lambda client: client.indices.put_mapping(index=generation.name, meta=meta)
        )
        current = self.current()
        self._point_to(generation, current)
        for one in self.all():
            if one.name not in (generation.name, current.name if current else ""):
                self.remove(one)

    def roll_back(self) -> None:
        """Let the last generation answer that was in use before; the present one stays beside it.

        Raises:
            NothingToRollBack: there is no other.
        """
        current = self.current()
        others = [one for one in self.all() if one.whole and one != current]
        if current is None or not others:
            raise NothingToRollBack("The index keeps no earlier generation")
        self._point_to(others[-1], current)

    def remove(self, generation: Generation) -> None:
        """Drop a generation."""
        self._connection.found(lambda client: client.indices.delete(index=generation.name))

    def sweep(self) -> None:
        """Drop what rebuilds left that never ended."""
        for one in self.all():
            if not one.whole:
                self.remove(one)

    def size(self, generation: Generation) -> int:
        """Bytes on the disks, replicas included."""
        told = self._connection.call(
            lambda client: client.indices.stats(index=generation.name, metric="store")
        )
        return int(told["_all"]["total"]["store"]["size_in_bytes"])

    def _told(self, names: str) -> list[Generation]:
        found = self._connection.found(
            lambda client: client.indices.get_mapping(index=names, filter_path=["*.mappings._meta"])
        )
        return [_generation(name, told) for name, told in sorted((found or {}).items())]

    def _is_generation(self, name: str) -> bool:
        number = name.removeprefix(f"{self._address.name}-")
        return len(number) == _DIGITS and number.isdigit()

    def _point_to(self, generation: Generation, before: Generation | None) -> None:
        alias = self._address.name
        gone = [{"remove": {"index": before.name, "alias": alias}}] if before else []
        actions = [*gone, {"add": {"index": generation.name, "alias": alias}}]
        self._connection.call(lambda client: client.indices.update_aliases(actions=actions))


def _generation(name: str, told: Mapping[str, Any]) -> Generation:
    meta = told["mappings"].get("_meta", {})
    return Generation(name, meta.get("fingerprint", {}), meta.get("whole", False))
