from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.passages import MAXIMUM, TAIL, TARGET, cut_passages, open_headings, split_long
from ingest.sentences import split_sentences
from ingest.types import Block, BlockKind, Page, Passage

WORDS = st.lists(
    st.sampled_from(
        [
            "culture",
            "policy",
            "État",
            "diversité",
            "niño",
            "água",
            "convention",
            "of",
            "the",
            "2005",
        ]
    ),
    min_size=1,
    max_size=40,
)
SENTENCES = WORDS.map(lambda words: f"A{' '.join(words)}.")
PARAGRAPHS = st.lists(SENTENCES, min_size=1, max_size=12).map(" ".join)
KINDS = st.sampled_from([BlockKind.PARAGRAPH, BlockKind.LIST_ITEM, BlockKind.QUOTE])
BLOCKS = st.one_of(
    st.builds(lambda kind, text: Block(kind, text), KINDS, PARAGRAPHS),
    st.builds(lambda level: Block(BlockKind.HEADING, f"Title {level}", level), st.integers(1, 4)),
)
PAGES = st.lists(st.lists(BLOCKS, max_size=8).map(tuple), min_size=1, max_size=5).map(
    lambda pages: tuple(Page(n, blocks) for n, blocks in enumerate(pages, start=1))
)


def paragraph(text: str) -> Block:
    return Block(BlockKind.PARAGRAPH, text)


def heading(text: str, level: int = 1) -> Block:
    return Block(BlockKind.HEADING, text, level)


@settings(max_examples=80, deadline=None)
@given(PAGES)
def test_no_text_is_lost_and_none_is_made_up(pages: tuple[Page, ...]) -> None:
    passages = cut_passages(pages)
    for page in pages:
        body = [b.text for b in page.blocks if b.kind is not BlockKind.HEADING]
        expected = Counter(" ".join(body or [b.text for b in page.blocks]).split())
        found = Counter(" ".join(p.text for p in passages if p.page == page.number).split())
        assert found == expected


@settings(max_examples=80, deadline=None)
@given(PAGES)
def test_bounds_order_and_whole_sentences(pages: tuple[Page, ...]) -> None:
    passages = cut_passages(pages)
    assert [p.ordinal for p in passages] == list(range(len(passages)))
    assert [p.page for p in passages] == sorted(p.page for p in passages)
    known = {s for page in pages for b in page.blocks for s in split_sentences(b.text)}
    for passage in passages:
        assert 0 < len(passage.text) <= MAXIMUM
        assert set(split_sentences(passage.text.replace("\n", "\n\n"))) <= known


@settings(max_examples=40, deadline=None)
@given(PAGES)
def test_the_same_pages_give_the_same_passages(pages: tuple[Page, ...]) -> None:
    assert cut_passages(pages) == cut_passages(pages)


@settings(max_examples=40, deadline=None)
@given(PAGES, st.integers(5, 60))
def test_split_long_keeps_the_words_within_the_limit(pages: tuple[Page, ...], limit: int) -> None:
    def count(text: str) -> int:
        return len(text.split())

    before = cut_passages(pages)
    after = split_long(before, count, limit)
    assert all(count(p.text) <= limit for p in after)
    assert " ".join(p.text for p in after).split() == " ".join(p.text for p in before).split()
    assert [p.ordinal for p in after] == list(range(len(after)))


def test_passages_aim_at_the_target() -> None:
    text = " ".join(f"Sentence number {n} says something about culture." for n in range(200))
    lengths = [len(p.text) for p in cut_passages([Page(1, (paragraph(text),))])]
    assert all(TARGET - 60 < length <= TARGET for length in lengths[:-1])


def test_a_passage_never_crosses_a_heading_and_carries_its_path() -> None:
    page = Page(1, (heading("One"), paragraph("First."), heading("Sub", 2), paragraph("Second.")))
    passages = cut_passages([page])
    assert [(p.headings, p.text) for p in passages] == [
        (("One",), "First."),
        (("One", "Sub"), "Second."),
    ]


def test_a_sentence_over_a_page_break_is_one_passage_where_it_begins() -> None:
    pages = [
        Page(1, (paragraph("It is whole. The strategy was adopted by"),)),
        Page(2, (paragraph("the committee in Paris. Then it met."),)),
    ]
    first, second = cut_passages(pages)
    assert first.text == "It is whole. The strategy was adopted by the committee in Paris."
    assert (first.page, first.last_page) == (1, 2)
    assert (second.page, second.text) == (2, "Then it met.")


def test_slides_do_not_flow() -> None:
    pages = [
        Page(1, (heading("A"), paragraph("the first point"))),
        Page(2, (paragraph("the second"),)),
    ]
    first, second = cut_passages(pages, flowing=False)
    assert (first.last_page, second.headings) == (1, ())


def test_a_heading_alone_is_a_passage_only_when_it_is_the_whole_page() -> None:
    pages = [
        Page(1, (heading("The title of the deck"),)),
        Page(2, (heading("A"), paragraph("Text."))),
    ]
    assert [p.text for p in cut_passages(pages)] == ["The title of the deck", "Text."]


def test_a_long_table_repeats_its_header() -> None:
    rows = (("Country", "Budget"), *((f"Country {n}", f"{n} thousand dollars") for n in range(60)))
    table = Block(BlockKind.TABLE, "", rows=rows)
    passages = cut_passages([Page(1, (table,))])
    assert len(passages) > 1
    assert all(p.text.startswith("Country | Budget\n") for p in passages)
    assert "Country 59 | 59 thousand dollars" in passages[-1].text


def test_a_sentence_that_is_too_long_is_cut_between_clauses() -> None:
    text = "; ".join(f"the clause of number {n} of this one sentence" for n in range(80)) + "."
    passages = cut_passages([Page(1, (paragraph(text),))])
    assert all(len(p.text) <= MAXIMUM and p.text.endswith((";", ".")) for p in passages)
    assert " ".join(p.text for p in passages).split() == text.split()


def test_a_short_tail_joins_its_neighbour() -> None:
    text = (
        " ".join(f"Sentence number {n} says something about culture." for n in range(14)) + " End."
    )
    passages = cut_passages([Page(1, (paragraph(text),))])
    assert all(len(p.text) >= TAIL for p in passages)


def test_an_introduction_stays_with_what_it_introduces() -> None:
    text = " ".join(f"Sentence number {n} says something about culture." for n in range(13))
    item = Block(
        BlockKind.LIST_ITEM, "The first step is taken by the ministry and by its agencies.", 1
    )
    passages = cut_passages(
        [Page(1, (paragraph(f"{text} These are the steps:"), item, item, item, item))]
    )
    assert any(p.text.startswith("These are the steps:\nThe first step") for p in passages)


def test_open_headings() -> None:
    pages = (
        Page(1, (heading("One"), paragraph("a"), heading("Sub", 2))),
        Page(2, (paragraph("b"),)),
        Page(3, (heading("Other sub", 2),)),
        Page(4, (heading("Two"),)),
    )
    assert [p.headings for p in open_headings(pages)] == [(), ("One", "Sub"), ("One",), ()]


def test_split_long_leaves_short_passages_alone() -> None:
    passage = Passage(0, 1, 1, 0, "Short.", (), "en")
    assert split_long([passage], len, 480) == (passage,)
