"""How commands speak: to people in lines and bars on a terminal, to machines in JSON.

What a command answers goes to standard output; what it says of its progress goes to standard error.
"""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import click
from babel.support import Translations

from app.addresses import UI_LANGUAGES
from app.i18n import CATALOGUES, compile_catalogues

as_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for machines.")


def emit(value: Mapping[str, Any]) -> None:
    """One JSON object on one line, at once."""
    click.echo(json.dumps(value, ensure_ascii=False))


def say(message: str) -> None:
    """Something for the person watching; never part of the answer."""
    click.echo(message, err=True)


def give_up(message: str) -> NoReturn:
    """End with a message and exit status 1."""
    raise click.ClickException(message)


def terminal_language() -> str:
    """The language of the person at the terminal, by the usual variables; English else."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        language = os.environ.get(name, "")[:2].lower()
        if language in UI_LANGUAGES:
            return language
    return "en"


def bar(label: str, length: int) -> Any:
    """A progress bar on standard error, silent where nobody watches."""
    hidden = not sys.stderr.isatty()
    return click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden)


class Steps:
    """Bars for work that tells its step, how much is done and how much there is."""

    def __init__(self) -> None:
        self._step = ""
        self._done = 0
        self._bar: Any = None

    def __enter__(self) -> "Steps":
        return self

    def __exit__(self, *_: object) -> None:
        self._finish()

    def show(self, step: str, done: int, total: int) -> None:
        if step != self._step:
            self._finish()
            self._step, self._done, self._bar = step, 0, bar(step.capitalize(), total)
            self._bar.__enter__()
        self._bar.update(done - self._done)
        self._done = done

    def _finish(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


def translated(message: str) -> str:
    """A message of the catalogues in the language of the terminal."""
    compile_catalogues()
    return str(Translations.load(str(CATALOGUES), [terminal_language()]).gettext(message))
