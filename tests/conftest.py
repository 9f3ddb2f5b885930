"""What all tests share: the real model and the real documents, where they are there."""

import os
from collections.abc import Collection
from pathlib import Path

import pytest

from indexes.embedding.onnx_engine import default_model_folder

pytest.register_assert_rewrite("tests.indexes.conformance", "tests.indexes.words_conformance")
pytest_plugins = ("tests.servers.elasticsearch_fixtures",)

SHARED = Path(__file__).resolve().parents[2] / "shared"
_MUST_RUN = os.environ.get("PASSERELLE_TESTS_MUST_RUN", "").split()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for part in _skipped_parts(terminalreporter):
        terminalreporter.write_line(f"a test that needs the real {part} was skipped", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where a part must run (`PASSERELLE_TESTS_MUST_RUN`), having skipped it is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and _skipped_parts(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skipped_parts(reporter: pytest.TerminalReporter) -> list[str]:
    skipped = reporter.stats.get("skipped", [])
    return [part for part in _MUST_RUN if any(part in _marks(report) for report in skipped)]


def _marks(report: pytest.TestReport | pytest.CollectReport) -> Collection[str]:
    """None of a module that was passed over whole, for a library that is an extra."""
    return getattr(report, "keywords", ())


@pytest.fixture(scope="session")
def model_folder() -> Path:
    """The built model; its tests are skipped where it is not."""
    folder = default_model_folder()
    if not (folder / "model.json").is_file():
        pytest.skip(f"no model in {folder}: build it with `make model`")
    return folder


@pytest.fixture(scope="session")
def shared() -> Path:
    """The real documents beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("needs the real documents in ../shared")
    return SHARED
