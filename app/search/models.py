"""The search's own table: what was asked, how often, and whether anything was found."""

from datetime import date

from sqlalchemy import Date, String
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base

LONGEST_QUESTION = 120


class SearchCount(Base):
    """How often a text was asked on one day (UTC) in one language of the interface.

    No person, address or hour is kept with it. `found` of the `asked` times something was found.
    """

    __tablename__ = "search_count"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    language: Mapped[str] = mapped_column(String(2), primary_key=True)
    text: Mapped[str] = mapped_column(String(LONGEST_QUESTION), primary_key=True)
    asked: Mapped[int]
    found: Mapped[int]
