import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sentences import ends_sentence, split_sentences


@pytest.mark.parametrize(
    "sentences",
    [
        ["Dr. Smith came at 3.15 p.m. to No. 5.", "He left."],
        ["See e.g. Fig. 3 and pp. 12–15.", "It is clear."],
        ["Le FIDC, cf. art. 18 de la Convention, est doté.", "M. Dupont l’a dit."],
        ["« Est-ce possible ? » demanda-t-elle.", "Oui."],
        ["Il a dit : « Non. »", "Puis il partit."],
        ["El Sr. Pérez vive en la Avda. Central.", "¿Cuándo vino?", "¡Ayer!"],
        ["EE. UU. firmó en 2005.", "Después vino J. M. Coetzee."],
        ["Version 2.5 is at https://example.org/a.b.c?d.", "Get it."],
        ["这是第一句。", "这是第二句。"],
        ["ما هذا؟", "هذا كتاب."],
        ["1. Scope of the text.", "Next."],
        ["Wait... what happened?", "Nothing!"],
    ],
)
def test_sentences(sentences: list[str]) -> None:
    spaced = "" if "。" in sentences[0] else " "
    assert split_sentences(spaced.join(sentences)) == sentences


@pytest.mark.parametrize("text", ["Fin.", "Fin ?", "« Fin. »", "Fin.[3]", "完。", "Note:"])
def test_an_ended_text(text: str) -> None:
    assert ends_sentence(text)


@pytest.mark.parametrize("text", ["la suite", "et,", "2.5 mil", ""])
def test_a_text_that_goes_on(text: str) -> None:
    assert not ends_sentence(text)


@given(st.text(alphabet="ab .!?«»\n。A1\"'"))
def test_no_character_is_lost(text: str) -> None:
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())
