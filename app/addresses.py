"""Where things are in the portal. Plain text, so that commands and feeds write the same addresses.

Ids are stable and never reused; a link with a version opens that version for ever, one without
shows the current one.
"""

from urllib.parse import quote

UI_LANGUAGES = ("en", "fr", "es")


def resource_address(ui: str, resource: str) -> str:
    return f"/{ui}/resources/{resource}"


def page_address(
    ui: str, resource: str, language: str, version: int | None, page: int, passage: str = ""
) -> str:
    """The address of a page, at a passage of it if one is given; of the current version if none."""
    edition = f"{resource_address(ui, resource)}/{quote(language)}"
    held = f"/v{version}" if version else ""
    anchor = f"#p-{passage}" if passage else ""
    return f"{edition}{held}/pages/{page}{anchor}"


def edition_address(ui: str, resource: str, language: str) -> str:
    """The resource's page with this edition in front."""
    return f"{resource_address(ui, resource)}/{quote(language)}"


def file_address(ui: str, resource: str, language: str, version: int, name: str) -> str:
    """A file of one version, under the name that it came with."""
    return f"{edition_address(ui, resource, language)}/v{version}/files/{quote(name)}"


def browse_address(ui: str, facet: str, value: str) -> str:
    return f"/{ui}/browse/{quote(facet)}/{quote(value)}"
