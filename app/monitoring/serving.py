"""The worker's figures, on an address of its own: it is another process than the portal."""

import logging
from collections.abc import Iterator
from threading import Thread

import waitress
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from waitress.server import BaseWSGIServer
from werkzeug.wrappers import Request, Response

from app.config import Config
from app.monitoring.metrics import as_response
from app.monitoring.permissions import carries
from app.worker import Tally

log = logging.getLogger(__name__)


class WorkerCollector(Collector):
    """What one worker has done since it started."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        tally = self._tally
        for name, text, values in (
            ("jobs", "Jobs taken up, an edition to embed once a slice.", tally.jobs),
            ("job_seconds", "Seconds spent on jobs.", tally.seconds),
            ("job_failures", "Attempts at a job that failed.", tally.failures),
        ):
            family = CounterMetricFamily(f"passerelle_worker_{name}", text, labels=("job",))
            for job, value in values.items():
                family.add_metric((job.value,), value)
            yield family
        yield CounterMetricFamily(
            "passerelle_worker_passages_embedded", "Passages embedded.", tally.embedded
        )
        yield CounterMetricFamily(
            "passerelle_worker_embedding_seconds",
            "Seconds the model worked on them.",
            tally.embedding_seconds,
        )


def serve_figures(config: Config, tally: Tally) -> BaseWSGIServer | None:
    """Answer on the port that the configuration names, on a thread; none where it is taken.

    A worker that nobody can watch still works: several started alike share the one port.
    """
    registry = CollectorRegistry()
    registry.register(WorkerCollector(tally))
    ProcessCollector(registry=registry)
    host, port = config.worker_metrics_host, config.worker_metrics_port
    try:
        server = waitress.create_server(
            _answering(registry, config.metrics_token), host=host, port=port, threads=1
        )
    except OSError as error:
        log.error("no figures of this worker on %s:%s: %s", host, port, error.strerror)
        return None
    Thread(target=server.run, name="figures", daemon=True).start()
    return server


def _answering(registry: CollectorRegistry, token: str | None) -> object:
    @Request.application
    def answer(request: Request) -> Response:
        if request.path != "/metrics":
            return Response("not found\n", 404)
        if token is not None and not carries(token, request.authorization):
            return Response("unauthorized\n", 401, {"WWW-Authenticate": "Bearer"})
        return as_response(registry, request.headers.get("Accept", ""))

    return answer
