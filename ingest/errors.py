"""Why a file was refused. One family: whatever a parser library raises is wrapped at its edge."""

from enum import StrEnum


class Reason(StrEnum):
    """A stable code for each way a file can be refused; the portal and the command translate it."""

    EMPTY = "empty"  # no bytes, or only white space
    ENCRYPTED = "encrypted"  # needs a password to be opened
    BROKEN = "broken"  # truncated or damaged beyond reading
    UNSUPPORTED = "unsupported"  # a format that the library does not read
    LEGACY_OFFICE = "legacy_office"  # .doc, .ppt, .xls: to be saved in the current format
    TOO_LARGE = "too_large"  # more bytes, pages or unpacked bytes than the limits allow
    TOO_SLOW = "too_slow"  # the time limit ran out
    TOO_MUCH_MEMORY = "too_much_memory"  # the memory limit ran out
    CRASHED = "crashed"  # the parser's process died
    UNREADABLE = "unreadable"  # the path could not be read (missing, no right, a folder)


class IngestError(Exception):
    """Base of everything this package raises."""


class Refused(IngestError):
    """The file cannot become pages. `reason` is for people, `detail` (English) for the log."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type["Refused"], tuple[Reason, str]]:
        return type(self), (self.reason, self.detail)
