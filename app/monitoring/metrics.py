"""What the portal counts, in Prometheus' format; docs/operating.md lists it.

Every label takes its values from the code: routes, methods, classes of status, stages, jobs, kinds
of errors. None takes them from what somebody sent.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Final, cast

from flask import Flask, current_app
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from werkzeug.wrappers import Response

from app.database import reading
from app.library import Library
from app.monitoring.patience import Look, NoAnswer
from app.outbox import Backlog, Job, backlog

log = logging.getLogger(__name__)

_KEY = "passerelle.metrics"
# Seconds. A page takes some milliseconds to a tenth of a second; beyond five nobody waits.
_ANSWER_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_STAGE_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

# A second series for each counter, which nothing here asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]


class PortalMetrics:
    """The counters of one process of the portal; several threads may use them at once."""

    def __init__(self, library: Library) -> None:
        self.registry = own = CollectorRegistry()
        self._requests = Counter(
            "passerelle_requests",
            "Requests answered, by route, method and class of status.",
            ("route", "method", "status"),
            registry=own,
        )
        self._seconds = Histogram(
            "passerelle_request_seconds",
            "How long answers took, by route.",
            ("route",),
            buckets=_ANSWER_BUCKETS,
            registry=own,
        )
        self._errors = Counter(
            "passerelle_errors",
            "Answers with a status of 500 or more, by the exception's class.",
            ("kind",),
            registry=own,
        )
        self._searches = Counter(
            "passerelle_searches",
            "Searches answered: whether something was found, and whether meaning was compared.",
            ("result", "by"),
            registry=own,
        )
        self._stages = Histogram(
            "passerelle_search_stage_seconds",
            "How long each stage of a search took.",
            ("stage",),
            buckets=_STAGE_BUCKETS,
            registry=own,
        )
        own.register(BacklogCollector(library))
        ProcessCollector(registry=own)

    def answered(
        self, route: str, method: str, status: int, seconds: float, error: str | None
    ) -> None:
        """Count a request that was answered, or could not be: then `error` names the kind."""
        self._requests.labels(route, method, f"{status // 100}xx").inc()
        self._seconds.labels(route).observe(seconds)
        if error is not None:
            self._errors.labels(error).inc()

    def searched(self, seconds: Mapping[str, float], *, found: bool, by_meaning: bool) -> None:
        """Count a search; `seconds` are those of its stages."""
        result, by = "found" if found else "nothing", "meaning" if by_meaning else "words"
        self._searches.labels(result, by).inc()
        for stage, taken in seconds.items():
            self._stages.labels(stage).observe(taken)


class BacklogCollector(Collector):
    """What waits for the worker, read from the database each time somebody looks."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._look = Look(self._read)

    def collect(self) -> Iterator[Metric]:
        """Without the database nothing but that it cannot be read: old figures would mislead."""
        found: Mapping[Job, Backlog] = {}
        try:
            found = self._look.start().result()
        except NoAnswer as error:
            log.warning("the backlog cannot be read: %s", error)
        except Exception as error:
            log.warning("the backlog cannot be read: %s", type(error).__name__)
        yield GaugeMetricFamily(
            "passerelle_database_up", "Whether the database could be read just now.", bool(found)
        )
        if found:
            yield from _families(found)

    def _read(self) -> Mapping[Job, Backlog]:
        with reading(self._library.sessions) as session:
            return backlog(session)


def _families(found: Mapping[Job, Backlog]) -> Iterator[Metric]:
    waiting = GaugeMetricFamily(
        "passerelle_jobs_waiting", "Jobs that wait or are being done.", labels=("job",)
    )
    oldest = GaugeMetricFamily(
        "passerelle_oldest_job_seconds", "Age of the oldest of them.", labels=("job",)
    )
    failed = GaugeMetricFamily(
        "passerelle_jobs_failed", "Jobs that were given up and wait for a person.", labels=("job",)
    )
    for job, part in found.items():
        waiting.add_metric((job.value,), part.waiting)
        oldest.add_metric((job.value,), part.oldest)
        failed.add_metric((job.value,), part.failed)
    return iter((waiting, oldest, failed))


def init_app(app: Flask, library: Library) -> None:
    app.extensions[_KEY] = PortalMetrics(library)


def current_metrics() -> PortalMetrics:
    return cast(PortalMetrics, current_app.extensions[_KEY])


def as_response(registry: CollectorRegistry, accepted: str) -> Response:
    """All figures, in the one of Prometheus' formats that its `Accept` header asks for."""
    encode, content_type = choose_encoder(accepted)
    return Response(encode(registry), content_type=content_type)
