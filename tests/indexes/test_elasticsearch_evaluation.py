"""Judged sets asked of Elasticsearch: as good as on one machine, and nothing stays behind."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from indexes.elasticsearch.address import Address, read_address
from indexes.embedding.loading import load_embedder
from indexes.embedding.vector_cache import VectorCache
from indexes.errors import IndexUnavailable
from indexes.evaluation.asking import Request, evaluate
from indexes.evaluation.results import Evaluation, figures
from tests.indexes.judged import JUDGED_VECTORS
from tests.indexes.test_evaluation import WordEmbedder, write_set
from tests.servers.elasticsearch import ElasticsearchServer, GivenServer

NEAR = 0.01  # nDCG@10


@pytest.fixture
def cluster(elasticsearch: ElasticsearchServer | GivenServer) -> Iterator[Address]:
    yield read_address(f"{elasticsearch.url}/judged")
    assert left_on(elasticsearch.url) == []


def left_on(url: str) -> list[str]:
    from elasticsearch import Elasticsearch

    with Elasticsearch(url) as client:
        return list(client.indices.get(index="judged-evaluation-*"))


def test_the_client_is_not_imported_before_it_is_needed() -> None:
    program = "import sys, indexes.evaluation.asking; sys.exit('elasticsearch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.elasticsearch
def test_a_set_is_asked_there_as_here(cluster: Address, tmp_path: Path) -> None:
    request = Request((write_set(tmp_path / "set"),))
    there, here = (
        evaluate(one, WordEmbedder())[0].as_json()
        for one in (replace(request, cluster=cluster), request)
    )
    assert there == here


@pytest.mark.elasticsearch
def test_what_goes_wrong_leaves_no_index(cluster: Address, tmp_path: Path) -> None:
    class Broken(WordEmbedder):
        def embed_query(self, text: str) -> None:
            raise KeyError(text)

    with pytest.raises(KeyError):
        evaluate(Request((write_set(tmp_path / "set"),), cluster=cluster), Broken())


def test_a_cluster_that_is_not_there_is_told(tmp_path: Path) -> None:
    nowhere = read_address("http://127.0.0.1:9/judged")
    with pytest.raises(IndexUnavailable):
        evaluate(Request((write_set(tmp_path / "set"),), cluster=nowhere), WordEmbedder())


@pytest.mark.elasticsearch
@pytest.mark.material
@pytest.mark.model
@pytest.mark.slow
@pytest.mark.timeout(600)  # where the documents have to be embedded first, on a busy machine
def test_a_sample_of_a_real_set_is_answered_as_well(
    cluster: Address, shared: Path, model_folder: Path
) -> None:
    folder = shared / "relevance" / "xquad-crosslingual-en-es"
    embedder = load_embedder(model_folder, VectorCache(JUDGED_VECTORS))
    request = Request((folder,), queries=120)
    there = means(evaluate(replace(request, cluster=cluster), embedder))
    here = means(evaluate(request, embedder))
    assert there == pytest.approx(here, abs=NEAR)


def means(found: list[Evaluation]) -> dict[str, float]:
    return {name: own.means["ndcg@10"] for name, own in figures(found).items()}
