"""Blocks as parts of HTML, licences and citations: values in, values out."""

from app.resources.citations import Work, bibtex, ris, sentence
from app.resources.document import lay_out
from app.resources.licences import Licence, licence_of
from app.templating import is_page_number, quoted
from indexes.types import Span


def block(kind: str, text: str = "x", **more: object) -> dict[str, object]:
    return {"kind": kind, "text": text, **more}


def test_headings_never_skip_a_level() -> None:
    blocks = [block("heading", level=level) for level in (3, 6, 4, 1, 2, 6)]
    assert [part.level for part in lay_out(blocks)] == [2, 3, 3, 2, 3, 4]
    deep = [block("heading", level=level) for level in (1, 2, 3, 4, 5, 6)]
    assert [part.level for part in lay_out(deep)] == [2, 3, 4, 5, 6, 6]


def test_lists_nest_as_deep_as_their_levels() -> None:
    levels = [(1, "a"), (2, "b"), (3, "c"), (2, "d"), (1, "e")]
    (part,) = lay_out([block("list_item", text, level=level) for level, text in levels])
    (first, last) = part.items
    assert [item.spans[0].text for item in first.items] == ["b", "d"]
    assert first.items[0].items[0].spans[0].text == "c"
    assert last.items == ()


def test_a_list_that_begins_deep_loses_nothing() -> None:
    items = [
        block("list_item", text, level=level) for level, text in ((3, "a"), (1, "b"), (2, "c"))
    ]
    (part,) = lay_out(items)
    assert [item.spans[0].text for item in part.items] == ["a", "b"]
    assert part.items[1].items[0].spans[0].text == "c"


def test_items_that_bring_their_own_number_are_known() -> None:
    texts = ["1. First", "• Dot", "(a) Letter", "iv) Roman", "2014 was a year", "A word"]
    (part,) = lay_out([block("list_item", text, level=1) for text in texts])
    assert [item.numbered for item in part.items] == [True, True, True, True, False, False]


def test_passages_are_anchored_where_they_begin() -> None:
    blocks = [block("heading", level=1), block("paragraph"), block("list_item", level=1)]
    parts = lay_out(blocks, [(1, "aa"), (1, "bb"), (2, "cc")])
    assert [part.anchors for part in parts] == [(), ("p-aa", "p-bb"), ()]
    assert parts[2].items[0].anchors == ("p-cc",)


def test_a_first_row_of_words_is_the_head_of_a_table() -> None:
    def head(*rows: tuple[str, ...]) -> bool:
        return lay_out([block("table", rows=rows)])[0].head

    assert head(("Name", "Sum"), ("a", "1"))
    assert not head(("2013", "2014"), ("a", "1"))
    assert not head(("Name", ""), ("a", "1"))
    assert not head(("Name", "Sum"))


def test_every_cell_item_and_text_is_marked() -> None:
    blocks = [
        block("paragraph", "m"),
        block("list_item", "m", level=1),
        block("table", rows=[["m"]]),
    ]
    parts = lay_out(blocks, mark=lambda text: (Span(text, marked=True),))
    assert parts[0].spans[0].marked
    assert parts[1].items[0].spans[0].marked
    assert parts[2].rows[0][0][0].marked


def test_licences_are_named_and_linked() -> None:
    deed = "https://creativecommons.org/licenses"
    assert licence_of("CC-BY-4.0") == Licence("CC BY 4.0", f"{deed}/by/4.0/")
    assert licence_of("cc by-nc-sa 3.0 igo") == Licence(
        "CC BY-NC-SA 3.0 IGO", f"{deed}/by-nc-sa/3.0/igo/"
    )
    assert licence_of("All rights reserved") == Licence("All rights reserved")
    assert licence_of("") is None


def test_citations_hold_only_what_is_known_and_are_escaped() -> None:
    bare = Work("id", "50 % & {more}\nlines", "fr", "http://x/y_z")
    assert sentence(bare) == ("", "50 % & {more}\nlines", ". http://x/y_z")
    assert r"title = {50 \% \& \{more\} lines}" in bibtex(bare)
    assert "url = {http://x/y_z}" in bibtex(bare)
    assert "author" not in bibtex(bare)
    assert "TI  - 50 % & {more} lines\r\n" in ris(bare)


def test_section_names_are_not_taken_for_page_numbers() -> None:
    assert all(is_page_number(label) for label in ("12", "xii", "A-3"))
    assert not any(is_page_number(label) for label in ("", None, "Annex I", "Introduction"))


def test_extracts_say_where_they_were_cut_and_are_escaped() -> None:
    text = "One <b> two three."
    assert quoted((Span(text),), text) == "One &lt;b&gt; two three."
    cut = (Span("<b> "), Span("two", marked=True))
    assert quoted(cut, text) == "… &lt;b&gt; <mark>two</mark> …"
