"""Generations of an index, and the alias that says which one answers.

    NAME              alias of the generation in use
    NAME-000007       a generation; `_meta` of its mapping has its fingerprint
    NAME-000007-write its alias for writing: what was removed meanwhile is not made by a write
    NAME-locks        who writes, who rebuilds (`leases`)

A generation that is built aside gets its alias when it is whole. The one before is kept for a
rollback, older ones go.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from elasticsearch import Elasticsearch

from indexes.elasticsearch.address import Address
from indexes.elasticsearch.connection import Connection
from indexes.elasticsearch.settings import index_settings, mappings
from indexes.errors import IndexUnavailable, NothingToRollBack

_DIGITS: Final = 6
# Where no disk has room the server would wait longer for one than the client for the answer, and
# nobody would know of the index made.
_CREATION: Final = "6s"


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation as its mapping tells of it. `whole`: it was built to its end; `fields` stands
    for the fields that it had then.
    """

    name: str
    fingerprint: Mapping[str, str]
    whole: bool
    fields: str = ""


class Generations:
    """Those of one index."""

    def __init__(self, connection: Connection, address: Address) -> None:
        self._connection = connection
        self._address = address

    def current(self) -> Generation | None:
        """The one in use; none before the first."""
        return self._one(self._connection.found(self._asking(self._address.name)))

    def answering(self) -> Generation | None:
        """The same, for those who search: they wait briefly."""
        return self._one(self._connection.looked_up(self._asking(self._address.name)))

    def check_name(self) -> None:
        """See that generations can be reached under the name of the index.

        Raises:
            IndexUnavailable: an index that is none of ours is called so.
        """
        name = self._address.name
        for one in (
            self._connection.found(lambda client: client.indices.get_alias(index=name)) or ()
        ):
            if not self._is_generation(one):
                raise IndexUnavailable(f"{one} is called as the index is to be: remove it first")

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
                aliases={written_to(name): {}},
                timeout=_CREATION,
            )
        )
        return Generation(name, fingerprint, whole)

    def create_first(self, fingerprint: Mapping[str, str], dimensions: int) -> Generation:
        """The very first, which answers: with nothing in it nothing is missing.

        The alias comes second. Created with it, searches would find an index without shards.
        """
        generation = self.create(fingerprint, dimensions, whole=True)
        self.publish(generation)
        return generation

    def publish(self, generation: Generation) -> None:
        """Let it answer, in one step. Of those that were built before, the one that answered
        stays for a rollback.
        """
        meta = {
            "fingerprint": dict(generation.fingerprint),
            "whole": True,
            "fields": self._fields(generation),
        }
        self._connection.call(
            lambda client: client.indices.put_mapping(index=generation.name, meta=meta)
        )
        kept = {generation.name, *(one.name for one in self._told(self._address.name))}
        self._point_to(generation)
        for one in self.all():
            if one.whole and one.name not in kept:
                self.remove(one)

    def use(self, generation: Generation) -> None:
        """Let one answer that was built before."""
        self._point_to(generation)

    def is_as_built(self, generation: Generation) -> bool:
        """Whether nobody has changed its fields."""
        return not generation.fields or generation.fields == self._fields(generation)

    def roll_back(self) -> None:
        """Let the last generation answer that was in use before; the present one stays beside it.

        Raises:
            NothingToRollBack: there is no other.
        """
        current = self.current()
        others = [one for one in self.all() if one.whole and one != current]
        if current is None or not others:
            raise NothingToRollBack("The index keeps no earlier generation")
        self._point_to(others[-1])

    def remove(self, generation: Generation) -> None:
        """Drop a generation."""
        self._connection.found(lambda client: client.indices.delete(index=generation.name))

    def unfinished(self) -> list[Generation]:
        """Those that are being built, or were when it broke off."""
        return [one for one in self.all() if not one.whole]

    def size(self, generation: Generation) -> int:
        """Bytes on the disks, replicas included."""
        told = self._connection.call(
            lambda client: client.indices.stats(index=generation.name, metric="store")
        )
        return int(told["_all"]["total"]["store"]["size_in_bytes"])

    def _told(self, names: str) -> list[Generation]:
        return _generations(self._connection.found(self._asking(names)))

    @staticmethod
    def _asking(names: str) -> Callable[[Elasticsearch], Any]:
        return lambda client: client.indices.get_mapping(
            index=names, filter_path=["*.mappings._meta"]
        )

    def _one(self, told: Any | None) -> Generation | None:
        found = _generations(told)
        if not found:
            return None
        if len(found) != 1 or not self._is_generation(found[0].name):
            raise IndexUnavailable(
                f"{self._address.name} is not an alias of one generation: rebuild the index"
            )
        return found[0]

    def _fields(self, generation: Generation) -> str:
        """A fingerprint of its fields as Elasticsearch has them."""
        told = self._connection.call(
            lambda client: client.indices.get_mapping(index=generation.name)
        )
        fields = told[generation.name]["mappings"].get("properties", {})
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]

    def _is_generation(self, name: str) -> bool:
        number = name.removeprefix(f"{self._address.name}-")
        return len(number) == _DIGITS and number.isdigit()

    def _point_to(self, generation: Generation) -> None:
        """From whatever the alias stands for now."""
        alias = self._address.name
        others: Mapping[str, Any] = {"index": f"{alias}-*", "alias": alias, "must_exist": False}
        actions: list[Mapping[str, Any]] = [
            {"remove": others},
            {"add": {"index": generation.name, "alias": alias}},
        ]
        self._connection.call(lambda client: client.indices.update_aliases(actions=actions))


def written_to(name: str) -> str:
    """The alias under which a generation is written to."""
    return f"{name}-write"


def _generations(told: Any | None) -> list[Generation]:
    return [_generation(name, own) for name, own in sorted((told or {}).items())]


def _generation(name: str, told: Mapping[str, Any]) -> Generation:
    meta = told["mappings"]["_meta"]
    return Generation(
        name, meta.get("fingerprint", {}), meta.get("whole", False), meta.get("fields", "")
    )
