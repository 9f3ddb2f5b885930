"""The gate: the project's own questions, asked of the demo library, are answered well enough.

`demo_questions/` holds questions as practitioners ask them, and by reading which sections of the
demo's texts answer them: 2 fully, 1 in part. A section is `resource/language/its heading`, and so
stays what it is when texts change. A question whose pool is `x-only` is asked while the editions in
its own language of the resources that answer it are hidden: only another language can answer.
docs/evaluation.md tells how to add questions and what to do when the gate closes.
"""

import json
import logging
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import pytest
from sqlalchemy import select

from app.database import reading
from app.demo.texts import demo_texts
from app.library import Library
from app.resources.models import Edition, File, Passage, Resource, Version
from indexes.evaluation.metrics import Judgements, ndcg, recall
from indexes.evaluation.pools import ALL, X_ONLY
from indexes.evaluation.sets import read_judgements, read_texts
from indexes.types import Scope, SearchQuery

log = logging.getLogger(__name__)
FOLDER = Path(__file__).with_name("demo_questions")
DEPTH = 10  # sections: what a reader looks through
WORST = 12  # questions that a failure tells
# By pool, 0.02 below what was measured when the gate was set; raise them with the search.
FLOORS = {
    ALL: {"ndcg": 0.72, "recall": 0.8},
    X_ONLY: {"ndcg": 0.66, "recall": 0.775},
}


@dataclass(frozen=True)
class Question:
    id: str
    text: str
    language: str
    pool: str
    relevant: Judgements  # by section, in the pool

    @property
    def hidden(self) -> set[tuple[str, str]]:
        """Editions, as resource and language, that the pool takes out."""
        if self.pool == ALL:
            return set()
        return {(section.split("/")[0], self.language) for section in self.relevant}


@dataclass(frozen=True)
class Answer:
    question: Question
    found: list[str]  # sections, best first

    @property
    def ndcg(self) -> float:
        return ndcg(self.found, self.question.relevant, DEPTH)

    @property
    def recall(self) -> float:
        return recall(self.found, self.question.relevant, DEPTH)

    def __str__(self) -> str:
        own = self.question
        return (
            f"{self.ndcg:.3f}  {own.id} ({own.pool}) {own.text}\n"
            f"       wanted {', '.join(own.relevant)}\n"
            f"       found  {', '.join(self.found[:3])}"
        )


def sections() -> dict[tuple[str, str], list[str]]:
    """The headings of each edition's sections."""
    return {
        (text.slug, text.description.language): [
            block.text for block in text.blocks if block.kind == "section"
        ]
        for text in demo_texts()
    }


def questions() -> list[Question]:
    texts = read_texts(FOLDER / "queries.jsonl")
    keys = {f"{'/'.join(edition)}/{name}" for edition, own in sections().items() for name in own}
    judged = read_judgements(FOLDER / "qrels.tsv", texts, keys)
    lines = (FOLDER / "queries.jsonl").read_text("utf-8").splitlines()
    pools = {line["_id"]: line["pool"] for line in map(json.loads, lines)}
    return [
        Question(
            id=query.id,
            text=query.text,
            language=query.language,
            pool=pools[query.id],
            relevant={
                section: score
                for section, score in judged[query.id].items()
                if pools[query.id] == ALL or section.split("/")[1] != query.language
            },
        )
        for query in texts.values()
    ]


def test_the_questions_are_many_in_each_language_and_most_are_answered_in_another() -> None:
    asked = questions()
    assert len({question.text for question in asked}) == len(asked) >= 66
    languages = Counter(question.language for question in asked)
    assert all(languages[code] >= 22 for code in ("en", "fr", "es"))
    elsewhere = Counter(q.language for q in asked if q.pool == X_ONLY)
    assert all(3 * elsewhere[code] >= 2 * languages[code] for code in languages)
    assert {question.pool for question in asked} == {ALL, X_ONLY}
    assert [question.id for question in asked if not question.relevant] == []


def test_what_answers_in_one_edition_answers_in_all() -> None:
    """Editions are parallel, so a judgement of one is a judgement of each."""
    names = sections()
    for question, judged in read_judgements(FOLDER / "qrels.tsv", AnyKey(), AnyKey()).items():
        places: dict[tuple[str, int, int], set[str]] = defaultdict(set)
        for section, score in judged.items():
            slug, language, name = section.split("/", 2)
            places[slug, names[slug, language].index(name), score].add(language)
        for (slug, _number, _score), languages in places.items():
            assert languages == {code for own, code in names if own == slug}, (question, slug)


class AnyKey:
    def __contains__(self, key: object) -> bool:
        return True


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.timeout(600)  # where the demo has to be embedded first, on a busy machine
def test_the_search_answers_them(demo_library: Library) -> None:
    answers = ask(demo_library, questions())
    measured = {
        pool: {
            "ndcg": fmean(a.ndcg for a in answers if a.question.pool == pool),
            "recall": fmean(a.recall for a in answers if a.question.pool == pool),
        }
        for pool in FLOORS
    }
    worst = sorted(answers, key=lambda answer: (answer.ndcg, answer.question.id))[:WORST]
    told = "\n".join(map(str, worst))
    log.info("measured: %s; the worst questions:\n%s", measured, told)
    for pool, floors in FLOORS.items():
        for metric, floor in floors.items():
            assert measured[pool][metric] >= floor, f"{measured}; the worst questions:\n{told}"


def ask(library: Library, asked: list[Question]) -> list[Answer]:
    section_of, edition_ids = places(library)
    wanted = {section for question in asked for section in question.relevant}
    assert wanted - set(section_of.values()) == set(), "sections that no passage stands in"
    answers = []
    for question in asked:
        hidden = tuple(edition_ids[edition] for edition in sorted(question.hidden & {*edition_ids}))
        scope = Scope(hidden_sources=hidden)
        query = SearchQuery(question.text, scope, reader_language=question.language, collapse=False)
        ranking = library.searcher.search(query)
        found = dict.fromkeys(section_of[hit.id] for hit in ranking.hits if hit.id in section_of)
        answers.append(Answer(question, list(found)))
    return answers


def places(library: Library) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """The section that each passage stands in, and the ids of editions."""
    names = sections()
    query = (
        select(Passage, Edition, Resource.work_key)
        .join(File, File.id == Passage.file_id)
        .join(Version, Version.id == File.version_id)
        .join(Edition, Edition.id == Version.edition_id)
        .join(Resource, Resource.id == Edition.resource_id)
    )
    section_of, edition_ids = {}, {}
    with reading(library.sessions) as session:
        for passage, edition, work in session.execute(query):
            slug = work.partition("/")[2]
            edition_ids[slug, edition.language] = edition.id
            known = {plain(name): name for name in names[slug, edition.language]}
            own = [known[plain(name)] for name in passage.headings if plain(name) in known]
            section_of[passage.id] = f"{slug}/{edition.language}/{own[0] if own else ''}"
    return section_of, edition_ids


def plain(heading: str) -> str:
    """Without what a format makes of spaces."""
    return " ".join(heading.split())
