"""Language is taken out of vectors, meaning stays."""

import numpy as np
import pytest

from indexes.embedding.base import Embedder
from indexes.embedding.language_directions import (
    LANGUAGES,
    language_directions,
    parallel_sentences,
    without_language,
)
from indexes.embedding.language_neutral import LanguageNeutralEmbedder
from indexes.embedding.onnx_engine import OnnxEmbedder

# Not among the sentences that the directions were computed from.
FRENCH = [
    "La bibliothèque ouvre à neuf heures le samedi.",
    "Comment protéger ses semences de l'humidité ?",
    "Le maire a présenté le plan d'urbanisme aux habitants.",
    "Cette plante soulage les maux de tête.",
    "Les comptes de l'association sont publiés chaque année.",
    "Le facteur passe deux fois par semaine dans la vallée.",
]
SPANISH = [
    "La biblioteca abre a las nueve los sábados.",
    "¿Cómo proteger las semillas de la humedad?",
    "El alcalde presentó el plan urbanístico a los vecinos.",
    "Esta planta alivia los dolores de cabeza.",
    "Las cuentas de la asociación se publican cada año.",
    "El cartero pasa dos veces por semana por el valle.",
]


def test_there_are_sixty_different_sentences_a_language() -> None:
    sentences = parallel_sentences()
    assert tuple(sentences) == LANGUAGES
    for texts in sentences.values():
        assert len(texts) == len(set(texts)) == 60
        assert all(text == text.strip() and text for text in texts)


def test_directions_are_orthonormal_and_span_the_differences() -> None:
    random = np.random.default_rng(1)
    meaning = random.normal(size=(30, 16)).astype(np.float32)
    offsets = random.normal(size=(2, 3, 16)).astype(np.float32)
    kinds = [{str(n): meaning + offset for n, offset in enumerate(kind)} for kind in offsets]
    directions = language_directions(kinds)
    assert directions.shape == (4, 16)
    assert np.allclose(directions @ directions.T, np.eye(4), atol=1e-5)
    for kind in kinds:
        first, *others = (without_language(vectors, directions) for vectors in kind.values())
        for other in others:
            assert np.allclose(first, other, atol=1e-4)


@pytest.mark.model
def test_a_translation_is_nearer_than_other_sentences(neutral: Embedder) -> None:
    french, spanish = neutral.embed_passages(FRENCH), neutral.embed_passages(SPANISH)
    for number, vector in enumerate(french):
        others = np.delete(french, number, axis=0)
        assert vector @ spanish[number] > (others @ vector).max()


@pytest.mark.model
def test_languages_move_together(engine: OnnxEmbedder, neutral: Embedder) -> None:
    def distance(embedder: Embedder) -> float:
        french, spanish = embedder.embed_passages(FRENCH), embedder.embed_passages(SPANISH)
        return float(np.linalg.norm(french.mean(axis=0) - spanish.mean(axis=0)))

    assert distance(neutral) < 0.6 * distance(engine)  # what is left is chance: six sentences


@pytest.mark.model
def test_it_is_another_embedder_than_its_engine(engine: OnnxEmbedder, neutral: Embedder) -> None:
    assert isinstance(neutral, LanguageNeutralEmbedder)
    assert neutral.fingerprint != engine.fingerprint
    assert neutral.fingerprint.startswith(engine.fingerprint)
    vector = neutral.embed_query("Who decides?")
    assert vector.shape == (neutral.dimensions,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
