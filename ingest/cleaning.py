"""Characters made ordinary: composed, without controls, soft hyphens, odd spaces and ligatures.

Typographic apostrophes, quotes and the narrow spaces' meaning (a space) are kept: how words are
compared is the index's business. Lines and paragraphs are the parsers'.
"""

import re
import unicodedata

# Latin presentation forms only: NFKC as a whole would turn m² into m2 and ½ into 1/2.
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_SPACES = "\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_NOTHING = "\u00ad\u200b\u2060\ufeff\ufffe\uffff\u180e"
_LINES = "\u2028\u2029\u0085\r\f\v"

_TABLE = str.maketrans(
    {
        **{chr(code): None for code in [*range(32), *range(0x7F, 0xA0)]},
        **{chr(code): None for code in range(0xFDD0, 0xFDF0)},
        **dict.fromkeys(_NOTHING),
        **dict.fromkeys(_SPACES, " "),
        **dict.fromkeys(_LINES, "\n"),
        **_LIGATURES,
        "\t": "\t",
        "\n": "\n",
    }
)
_SURROGATES = re.compile(r"[\ud800-\udfff]")
# Symbol fonts put their bullets and arrows in the private use area: no reader can see them.
_PRIVATE_USE = re.compile(r"[\ue000-\uf8ff]+")
_ARABIC_FORMS = re.compile(r"[\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc]+")
_BLANKS = re.compile(r"[ \t]+")
_AROUND_NEWLINE = re.compile(r" ?\n[ \n]*")
_MANY_NEWLINES = re.compile(r"\n{3,}")
# Contents pages: "Introduction ........ 4", "Introduction . . . . 4", "____".
_LEADERS = re.compile(r"(?:[.·…‧_](?: ?[.·…‧_]){3,})")


def clean_characters(text: str) -> str:
    """The same words and lines, in ordinary characters (NFC)."""
    text = _SURROGATES.sub("\ufffd", text.replace("\r\n", "\n")).translate(_TABLE)
    text = _PRIVATE_USE.sub(" ", text)
    # Arabic presentation forms are shapes of letters, in old PDFs: words must be letters.
    text = _ARABIC_FORMS.sub(lambda shapes: unicodedata.normalize("NFKC", shapes[0]), text)
    return unicodedata.normalize("NFC", text)


def clean_line(text: str) -> str:
    """One line: every run of white space is one space."""
    return " ".join(clean_characters(text).split())


def clean_paragraph(text: str) -> str:
    """A paragraph: single spaces, single line breaks where the author put them."""
    blanks = _BLANKS.sub(" ", clean_characters(text))
    return _AROUND_NEWLINE.sub("\n", blanks).strip()


def clean_code(text: str) -> str:
    """Code and preformatted text: indentation is kept, trailing blanks are not."""
    lines = [line.rstrip() for line in clean_characters(text).expandtabs(4).split("\n")]
    return _MANY_NEWLINES.sub("\n\n", "\n".join(lines)).strip("\n")


def shorten_leaders(text: str) -> str:
    """Dot leaders of contents pages and blanks to fill in, as one ellipsis."""
    return _LEADERS.sub(" … ", text)
