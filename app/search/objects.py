"""An answer as plain objects: what `search.json` and `passerelle search --json` write."""

from dataclasses import asdict

from app.search.hits import SearchHit
from app.search.services import SearchPage


def hit_object(hit: SearchHit) -> dict[str, object]:
    """A hit with the names that docs/decisions fix for commands and the portal alike."""
    return {
        "kind": hit.kind.value,
        "resource": hit.resource,
        "url": hit.url,
        "title": hit.title,
        "language": hit.language,
        "file": hit.file,
        "page": hit.page,
        "page_label": hit.page_label,
        "text": hit.text,
        "extract": "".join(span.text for span in hit.extract),
        "score": round(hit.score, 6),
        "found_by": [signal.value for signal in hit.found_by],
        "editions": [asdict(edition) for edition in hit.editions],
    }


def page_object(query: str, page: SearchPage) -> dict[str, object]:
    """One page of an answer; `total` is "about" when `capped`."""
    return {
        "query": query,
        "total": page.total,
        "capped": page.capped,
        "page": page.page,
        "pages": page.pages,
        "by_meaning": page.by_meaning,
        "unknown": list(page.unknown),
        "words_cut": page.words_cut,
        "meaning_cut": page.meaning_cut,
        "facets": {
            facet: [{"value": value, "count": count} for value, count in values]
            for facet, values in page.facets.items()
        },
        "hits": [hit_object(hit) for hit in page.hits],
    }
