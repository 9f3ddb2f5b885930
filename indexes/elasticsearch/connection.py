"""The client, and what becomes of its errors: the only module that catches them.

Searches wait briefly and are not repeated: a person waits. Writing waits long, and what the server
cannot take at the moment is tried again, later each time.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from elasticsearch import (
    ApiError,
    ConflictError,
    Elasticsearch,
    NotFoundError,
    SSLError,
    TransportError,
)
from elasticsearch.helpers import BulkIndexError, streaming_bulk
from elasticsearch.serializer import NdjsonSerializer, OrjsonSerializer

from indexes.elasticsearch.address import Address
from indexes.elasticsearch.circuit import Circuit
from indexes.errors import IndexRefused, IndexUnavailable
from indexes.patience import left as patience_left

SEARCH_SECONDS: Final = 1.2  # with the embedding and the page below the two that people wait
LEAST_SECONDS: Final = 0.02  # with less left nothing is asked any more
WRITE_SECONDS: Final = 60.0
CALL_SECONDS: Final = 10.0  # of all else: leases, aliases, mappings
CONNECTIONS: Final = 16
BULK_BYTES: Final = 5 * 1024 * 1024
BULK_RETRIES: Final = 4  # 0.5, 1, 2, 4 seconds

Answer = Mapping[str, Any]
_NEVER: Final = (400, 413)  # what is asked is at fault, and not the moment
_LATER: Final = (429, 502, 503, 504)  # the server says so itself: try again


class _Lines(OrjsonSerializer, NdjsonSerializer):
    """Lines of JSON by orjson: a vector as numbers takes a tenth of the time."""

    mimetype = "application/x-ndjson"


class Connection:
    """One cluster; several threads may use it at once. Nothing is connected before the first call.

    `patience` is how many seconds a search may take.
    Every method raises IndexUnavailable where the cluster cannot be reached, cannot take the
    request now, or refuses it.
    """

    def __init__(self, address: Address, patience: float = SEARCH_SECONDS) -> None:
        self._client = Elasticsearch(
            address.url,
            headers=_credentials(address),
            connections_per_node=CONNECTIONS,
            serializers={"application/json": OrjsonSerializer(), "application/x-ndjson": _Lines()},
            retry_on_timeout=False,
            max_retries=0,
            **_certificates(address),
        )
        self._searching = self._client.options(request_timeout=patience)
        self._writing = self._client.options(
            request_timeout=WRITE_SECONDS, max_retries=2, retry_on_status=_LATER
        )
        self._calling = self._client.options(request_timeout=CALL_SECONDS)
        self._patience = patience
        self._circuit = Circuit()

    def msearch(self, index: str, bodies: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """Several searches in one request, with the term statistics of all shards together."""
        header = {"search_type": "dfs_query_then_fetch"}
        searches = [part for body in bodies for part in (header, body)]
        found = self._ask(lambda client: client.msearch(index=index, searches=searches).body)
        answers: list[Answer] = found["responses"]
        for answer in answers:
            if "error" in answer:
                raise IndexUnavailable(f"Elasticsearch: {_reason(answer['error'])}")
        return answers

    def search(self, index: str, **body: Any) -> Answer:
        """One search."""
        found: Answer = self._ask(lambda client: client.search(index=index, **body).body)
        return found

    def looked_up(self, ask: Callable[[Elasticsearch], Any]) -> Any | None:
        """What a search needs to know first; none where it is not there."""

        def look(client: Elasticsearch) -> Any | None:
            try:
                return ask(client).body
            except NotFoundError:
                return None

        return self._ask(look)

    def _ask(self, ask: Callable[[Elasticsearch], Any]) -> Any:
        client = self._hurried()
        if not self._circuit.admits():
            raise IndexUnavailable("Elasticsearch does not answer; it is asked again in a moment")
        with self._failures_counted(), foreign_errors():
            return ask(client)

    def _hurried(self) -> Elasticsearch:
        """Waits as long as a search may, or as long as the person who asked has left."""
        left = patience_left()
        if left >= self._patience:
            return self._searching
        if left < LEAST_SECONDS:
            raise IndexUnavailable("Elasticsearch took too long for this page")
        return self._client.options(request_timeout=left)

    @contextmanager
    def _failures_counted(self) -> Iterator[None]:
        try:
            yield
        except IndexRefused:  # it answered: one bad question must not stop everybody's
            self._circuit.succeeded()
            raise
        except IndexUnavailable:
            self._circuit.failed()
            raise
        self._circuit.succeeded()

    def call(self, act: Callable[[Elasticsearch], Any]) -> Any:
        """A call of those who write or look after the index; the body of the answer."""
        with foreign_errors():
            return act(self._calling).body

    def found(self, act: Callable[[Elasticsearch], Any]) -> Any | None:
        """The same; none where what was asked for is not there."""
        with foreign_errors():
            try:
                return act(self._calling).body
            except NotFoundError:
                return None

    def won(self, act: Callable[[Elasticsearch], Any]) -> bool:
        """Make a change that only one of several can make: whether it was this one."""
        with foreign_errors():
            try:
                act(self._calling)
            except ConflictError:
                return False
        return True

    def pages(self, index: str, query: Mapping[str, Any], **body: Any) -> Iterator[Answer]:
        """All documents that a query finds, as of now, in pages; at most one in one request."""
        first = self.call(lambda c: c.search(index=index, query=query, **body))["hits"]["hits"]
        if len(first) < body["size"]:
            yield from first
            return
        with self._point_in_time(index) as pit:
            after: Mapping[str, Any] = {}
            hits: Sequence[Answer] = ()
            while not after or len(hits) == body["size"]:
                hits = self._page(pit, query, {**after, **body})
                yield from hits
                after = {"search_after": hits[-1]["sort"] if hits else ()}

    def _page(
        self, pit: Mapping[str, str], query: Mapping[str, Any], body: Mapping[str, Any]
    ) -> Sequence[Answer]:
        told = self.call(lambda c: c.search(pit=pit, query=query, sort=["_shard_doc"], **body))
        hits: Sequence[Answer] = told["hits"]["hits"]
        return hits

    @contextmanager
    def _point_in_time(self, index: str) -> Iterator[Mapping[str, str]]:
        opened = self.call(lambda c: c.open_point_in_time(index=index, keep_alive="5m"))
        try:
            yield {"id": opened["id"], "keep_alive": "5m"}
        finally:
            self.found(lambda client: client.close_point_in_time(id=opened["id"]))

    def bulk(self, actions: Iterable[dict[str, Any]]) -> None:
        """Write and delete; what is refused for the moment is repeated, the rest once.

        Raises:
            IndexUnavailable: some could not be written; all may be sent again.
        """
        with foreign_errors():
            done = streaming_bulk(
                self._writing,
                actions,
                max_chunk_bytes=BULK_BYTES,
                max_retries=BULK_RETRIES,
                initial_backoff=0.5,
                max_backoff=8,
                raise_on_error=False,
                require_alias=True,  # else what was removed meanwhile would be made, and badly
            )
            for is_done, item in done:
                (told,) = item.values()
                if not is_done and told.get("result") != "not_found":  # gone already
                    kind = IndexRefused if told.get("status") in _NEVER else IndexUnavailable
                    raise kind(f"Elasticsearch refused: {_reason(told.get('error'))}")

    def close(self) -> None:
        """Let go of the connections, for good."""
        self._client.close()


@contextmanager
def foreign_errors() -> Iterator[None]:
    """Wrap what the client raises; no address or password is told."""
    try:
        yield
    except ApiError as error:
        kind = IndexRefused if error.status_code in _NEVER else IndexUnavailable
        raise kind(f"Elasticsearch refused: {_reason(error.body)}") from error
    except SSLError as error:
        told = f"Elasticsearch cannot be reached securely: {_reason(error.message)}"
        raise IndexUnavailable(told) from error
    except TransportError as error:
        raise IndexUnavailable(f"Elasticsearch does not answer: {type(error).__name__}") from error
    except BulkIndexError as error:
        raise IndexUnavailable(f"Elasticsearch refused {len(error.errors)} changes") from error


def _reason(told: Any) -> str:
    """What an error says, in a line."""
    if isinstance(told, Mapping):
        inner = told.get("error", told)
        causes = inner.get("root_cause") if isinstance(inner, Mapping) else None
        cause = causes[0] if causes else inner
        if isinstance(cause, Mapping):
            return f"{cause.get('type', '')}: {cause.get('reason', '')}"[:500]
        return str(cause)[:500]
    return str(told)[:500]


def _credentials(address: Address) -> dict[str, str]:
    """The client's own way with a password takes ASCII only; the server expects UTF-8."""
    if address.api_key:
        return {"authorization": f"ApiKey {address.api_key}"}
    if not address.user:
        return {}
    told = base64.b64encode(f"{address.user}:{address.password}".encode()).decode()
    return {"authorization": f"Basic {told}"}


def _certificates(address: Address) -> dict[str, Any]:
    if not address.url.startswith("https:"):
        return {}
    return {"verify_certs": True, **({"ca_certs": str(address.ca)} if address.ca else {})}
