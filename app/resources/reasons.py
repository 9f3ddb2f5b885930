"""Why a file was not taken, or what was noticed in it, in words a person can act on.

Messages are marked here and translated where they are shown.
"""

from collections.abc import Mapping

from app.i18n import N_
from ingest.errors import Reason
from ingest.types import Notice

REASONS: Mapping[str, str] = {
    Reason.EMPTY: N_("The file is empty. Check that it was saved, and upload it again."),
    Reason.ENCRYPTED: N_("The file asks for a password. Save a copy without one and upload that."),
    Reason.BROKEN: N_(
        "The file is damaged or not whole. Open it in its own program, save it anew and upload "
        "that."
    ),
    Reason.UNSUPPORTED: N_(
        "This kind of file is not read here. Save it as PDF, DOCX, PPTX, XLSX, EPUB, HTML, "
        "Markdown or plain text."
    ),
    Reason.LEGACY_OFFICE: N_(
        "This is an old Office format. Save it as DOCX, PPTX or XLSX and upload that."
    ),
    Reason.TOO_LARGE: N_("The file is too large. Split it, or make its images smaller."),
    Reason.TOO_SLOW: N_("Reading the file took too long. Save it anew as PDF, or split it."),
    Reason.TOO_MUCH_MEMORY: N_("Reading the file took too much memory. Split it, or save it anew."),
    Reason.CRASHED: N_("The file could not be read. Open it in its own program and save it anew."),
    Reason.UNREADABLE: N_("The file could not be opened. Check its path and the right to read it."),
}

NOTICES: Mapping[str, str] = {
    Notice.NO_TEXT: N_("No page holds text: it was scanned, or holds only pictures."),
    Notice.SOME_PAGES_WITHOUT_TEXT: N_("Some pages hold no text."),
    Notice.OWNER_PASSWORD: N_("The file restricts printing or copying; its text was read."),
    Notice.REPAIRED: N_("The file is damaged, but its pages could be read."),
    Notice.ENCODING_GUESSED: N_("The file does not say its encoding; it was guessed."),
    Notice.MISLABELLED: N_("The file is of another kind than its name says."),
}
