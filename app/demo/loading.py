"""The demo library comes in by the same door as everything else, and leaves whole."""

import io
from collections.abc import Callable, Iterator

from app.database import writing
from app.demo.files import make_file
from app.demo.texts import demo_records, demo_texts
from app.library import Library
from app.resources.ingestion import Arrival, Receipt, add_record, receive, store
from app.resources.models import DEMO


def load_demo(library: Library, progress: Callable[[str], None]) -> Iterator[Receipt]:
    """Make, store and queue the demo's files; what is there already is left as it is."""
    for text in demo_texts():
        progress(text.name)
        arrival = Arrival(
            stored=store(library, io.BytesIO(make_file(text))),
            name=text.name,
            source_key=f"{DEMO}:{text.name}",
            description=text.description,
        )
        yield receive(library, arrival)
    with writing(library.sessions) as session:
        for record in demo_records():
            progress(record.title or "")
            add_record(session, record)
