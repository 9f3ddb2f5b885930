"""Sizes, dates and numbers as the reader's language writes them."""

from datetime import datetime
from typing import Literal

from babel.dates import format_date
from babel.numbers import format_decimal
from babel.units import format_unit

_UNITS = ("byte", "kilobyte", "megabyte", "gigabyte")
_STEP = 1000  # as shops and systems count now; 1,024 is nobody's kilobyte any more


def size(count: int, ui: str) -> str:
    """Bytes in the largest unit that leaves a number above 1: 2.1 MB, 2,1 Mo."""
    amount, unit = float(count), 0
    while amount >= _STEP and unit < len(_UNITS) - 1:
        amount, unit = amount / _STEP, unit + 1
    digits = 1 if unit and amount < 10 else 0
    length: Literal["long", "short"] = "short" if unit else "long"
    written = format_unit(round(amount, digits), f"digital-{_UNITS[unit]}", length, locale=ui)
    return written.replace(" ", "\u00a0")  # a number and its unit stay on one line


def date(moment: datetime, ui: str) -> str:
    """4 May 2026, 4 mai 2026, 4 de mayo de 2026."""
    return format_date(moment, "long", locale="en_GB" if ui == "en" else ui)


def number(value: int, ui: str) -> str:
    return format_decimal(value, locale=ui)


def figure(value: float, ui: str) -> str:
    """A measure between 0 and 1: 0.9432, 0,9432."""
    return format_decimal(value, "0.0000", locale=ui)


def change(value: float, ui: str) -> str:
    """A difference with its sign: +0.0031, −0,0031."""
    return format_decimal(value, "+0.0000;\u22120.0000", locale=ui)
