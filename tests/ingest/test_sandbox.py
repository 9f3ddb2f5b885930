"""What hangs, eats memory or crashes does so in the child; the parent lives on."""

import ctypes
import enum
import io
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest import nursery, sandbox
from ingest.errors import Reason, Refused
from ingest.sandbox import extract_pages, ingest_file, page_words, render_page, run_confined
from ingest.source import MIB, Limits
from ingest.types import Block, BlockKind, Notice
from tests.ingest.conftest import draw_pdf, paragraph

ROOT = Path(__file__).resolve().parents[2]


def reason(function: object, *arguments: object, limits: Limits) -> Reason:
    with pytest.raises(Refused) as refused:
        run_confined(function, *arguments, limits=limits)  # type: ignore[arg-type]
    return refused.value.reason


def test_a_value_comes_back() -> None:
    assert run_confined(sum, (1, 2, 3), limits=Limits()) == 6


def test_a_hang_is_too_slow() -> None:
    started = time.monotonic()
    assert reason(time.sleep, 600, limits=Limits(seconds=0.5)) is Reason.TOO_SLOW
    assert time.monotonic() - started < 10


def test_processor_time_is_limited() -> None:
    limits = Limits(seconds=60, cpu_seconds=1)
    assert reason(exec, "while True: pass", limits=limits) is Reason.TOO_SLOW


def test_memory_is_limited() -> None:
    assert reason(bytearray, 1 << 40, limits=Limits()) is Reason.TOO_MUCH_MEMORY
    assert run_confined(len, b"x" * MIB, limits=Limits()) == MIB


def test_crashes_are_told() -> None:
    assert reason(os.abort, limits=Limits()) is Reason.CRASHED
    assert reason(ctypes.string_at, 1, limits=Limits()) is Reason.CRASHED
    assert reason(os._exit, 7, limits=Limits()) is Reason.CRASHED
    assert reason(int, "not a number", limits=Limits()) is Reason.CRASHED


def test_a_large_answer_is_refused() -> None:
    assert reason(bytes, 3 * MIB, limits=Limits(output_bytes=MIB)) is Reason.TOO_LARGE


def test_an_answer_cannot_run_code() -> None:
    assert reason(eval, "__import__('os').system", limits=Limits()) is Reason.CRASHED


def test_an_answer_is_read_whatever_python_writes_of_enumerations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python 3.11.0 to 3.11.3 pickle a member as `getattr` of its class."""
    by_name = lambda self, _protocol: (getattr, (type(self), self.name))  # noqa: E731
    monkeypatch.setattr(enum.Enum, "__reduce_ex__", by_name)
    answer = [Block(BlockKind.TABLE, "a"), Notice.NO_TEXT]
    written = io.BytesIO()
    nursery.AnswerWriter(written, protocol=5).dump(answer)
    assert sandbox._unpickled(written.getvalue()) == answer
    with pytest.raises(Refused, match="getattr"):
        sandbox._unpickled(pickle.dumps(answer))


def test_a_descendant_dies_with_its_parent(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        "import subprocess; child = subprocess.Popen(['sleep', '600']); "
        f"open({str(note)!r}, 'w').write(str(child.pid)); child.wait()"
    )
    assert reason(exec, program, limits=Limits(seconds=2)) is Reason.TOO_SLOW
    assert_ends(int(note.read_text()))


def assert_ends(pid: int, seconds: float = 20) -> None:
    """Waits until the process is gone (or a zombie of an init that does not reap)."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state in "ZX":
            return
        os.sched_yield()
    pytest.fail(f"process {pid} still runs")


PARENT = """
import sys, threading, time
from ingest import sandbox
from ingest.source import Limits
run = lambda: sandbox.run_confined(time.sleep, 600, limits=Limits())
threading.Thread(target=run, daemon=True).start()
while sandbox._PARSING.control is None or sandbox._PARSING.process is None: time.sleep(0.01)
sandbox.run_confined(len, "", limits=Limits())
print(sandbox._PARSING.process.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, None])
def test_nothing_is_left_behind(how: signal.Signals | None) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdin
    nursery = int(process.stdout.readline())
    children = Path(f"/proc/{nursery}/task/{nursery}/children").read_text().split()
    assert children
    if how:
        process.send_signal(how)
    process.stdin.close()
    process.wait(30)
    for pid in (nursery, *map(int, children)):
        assert_ends(pid)
    process.stdout.close()


def test_a_nursery_that_died_is_replaced() -> None:
    from ingest import sandbox

    run_confined(len, "", limits=Limits())
    assert sandbox._PARSING.process
    sandbox._PARSING.process.kill()
    sandbox._PARSING.process.wait()
    assert run_confined(len, "abc", limits=Limits()) == 3


def test_at_rest_no_parser_is_held_and_the_next_job_runs() -> None:
    from ingest import sandbox

    run_confined(len, "", limits=Limits())
    held = sandbox._PARSING.process
    assert held
    sandbox.rest()
    sandbox.rest()
    assert_ends(held.pid)
    assert run_confined(len, "abc", limits=Limits()) == 3


def test_two_threads_at_once() -> None:
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda n: run_confined(abs, -n, limits=Limits()), range(20)))
    assert found == list(range(20))


# --- files ----------------------------------------------------------------------------------


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "0a1b2c"
    path.write_bytes(
        draw_pdf([paragraph(["The Convention was adopted by the Conference in 2005."])] * 2)
    )
    return path


def test_a_file_by_its_original_name(pdf: Path) -> None:
    found = ingest_file(pdf, name="guide.docx", count_tokens=len)
    assert found.media_type == "application/pdf"
    assert [notice.value for notice in found.notices] == ["mislabelled"]
    assert len(found.sha256) == 64
    assert found.size == pdf.stat().st_size
    assert found.language == "en"


def test_counted_tokens_split_the_passages(pdf: Path) -> None:
    found = ingest_file(pdf, count_tokens=lambda text: len(text) * 20)
    assert all(len(p.text) * 20 <= 480 for p in found.passages)
    assert len(found.passages) > 2


def test_pages_of_a_pdf(pdf: Path) -> None:
    assert render_page(pdf, 1, width=200).width == 200
    assert page_words(pdf, 2).words[1].text == "Convention"
    assert extract_pages(pdf, 2, 2).startswith(b"%PDF-")
    with pytest.raises(IndexError):
        page_words(pdf, 3)


def test_a_file_over_the_limits(pdf: Path) -> None:
    for limits in (Limits(file_bytes=100), Limits(pages=1)):
        with pytest.raises(Refused) as refused:
            ingest_file(pdf, limits=limits)
        assert refused.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize("missing", ["nowhere.pdf", "."])
def test_what_is_no_file_is_unreadable(tmp_path: Path, missing: str) -> None:
    with pytest.raises(Refused) as refused:
        ingest_file(tmp_path / missing)
    assert refused.value.reason is Reason.UNREADABLE


# --- the command ----------------------------------------------------------------------------


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "ingest", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_command_prints_json_and_reports_refusals(tmp_path: Path) -> None:
    import json

    good = tmp_path / "guide.md"
    good.write_text(
        "# La Convención\n\nLa Convención protege la diversidad de las expresiones culturales.\n"
    )
    one = command(str(good))
    assert one.returncode == 0, one.stderr
    assert json.loads(one.stdout)["title"] == "La Convención"
    two = command(str(good), str(tmp_path / "missing.pdf"))
    assert two.returncode == 1
    assert json.loads(two.stdout)["language"] == "es"
    assert "missing.pdf: refused: unreadable" in two.stderr


def test_the_command_explains_itself() -> None:
    assert command("--help").returncode == 0
    assert "FILE" in command("--help").stdout
    assert command().returncode == 2
    assert command("--seconds", "-1", "x").returncode == 2


def test_no_web_framework_is_needed() -> None:
    program = (
        "import sys; sys.modules['flask'] = sys.modules['sqlalchemy'] = None; "
        "import ingest.sandbox; from ingest import pdf_pages, pipeline; "
        "pipeline.preload(); pdf_pages.preload()"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
