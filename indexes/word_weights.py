"""What words count beside those of the text, in either backend."""

from typing import Final

# Titles and headings stand on every passage of a resource and say less of the one than its text.
# With the titles of xquad and piaf any weight from .15 to .5 gives +.001 nDCG@10; .8 loses it.
TITLE_WEIGHT: Final = 0.3
# What a word that begins as asked for counts: as much as one that stands in a third of all
# passages. How rare it is cannot be told without looking up all words that begin so.
BEGINNING_SCORE: Final = 1.0
