"""Vectors of judged documents by the real model, kept between runs of the tests."""

from pathlib import Path

# The 480 documents of xquad take a minute to embed, once.
JUDGED_VECTORS = Path(__file__).resolve().parents[2] / ".cache" / "tests" / "judged-vectors.sqlite"
