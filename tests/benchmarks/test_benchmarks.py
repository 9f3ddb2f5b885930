"""The benchmarks run, on the demo's files; what they measure is theirs to print."""

from pathlib import Path

import pytest

from benchmarks.ingest import compare_pdfs, read_all
from benchmarks.material import (
    LANGUAGES,
    Material,
    files_of,
    open_material,
    read_passages,
    write_demo,
)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder)
    return Material("the demo", files_of(folder))


def test_both_readers_see_the_same_pages(demo: Material) -> None:
    ours, theirs = compare_pdfs(demo.files["pdf"], pages=4)
    assert ours.pages == theirs.pages >= 4
    assert ours.files == theirs.files
    assert 0.8 < ours.characters / theirs.characters < 1.25


def test_a_file_that_is_refused_counts_for_no_reader(
    demo: Material, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing follows")
    ours, theirs = compare_pdfs([broken, demo.files["pdf"][0]], pages=1)
    assert (ours.files, theirs.files) == (1, 1)
    assert read_all([broken]).files == 0
    assert capsys.readouterr().out.count("broken.pdf") == 2


def test_passages_are_a_fixed_sample_of_three_languages(demo: Material) -> None:
    passages = read_passages(demo, 12)
    assert len(passages) == 12
    assert passages == read_passages(demo, 12)
    assert len(set(passages)) >= len(LANGUAGES)


def test_without_the_corpus_the_demo_is_measured_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_material(tmp_path / "absent") as material:
        assert {"pdf", "docx", "html", "md"} <= material.files.keys()
    assert "absent" in capsys.readouterr().err
