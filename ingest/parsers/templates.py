"""What site generators leave in their sources: Liquid, Hugo and Kramdown marks, VuePress fences.

Only the marks go, the text between them stays. Knows nothing of Markdown or HTML trees.
"""

import re

# Longest first: a comment's or a script's content goes with it.
_WITH_CONTENT = re.compile(
    r"\{%-?\s*(comment|javascript|schema|stylesheet)\s*-?%\}.*?\{%-?\s*end\1\s*-?%\}", re.DOTALL
)
_TAGS = (
    re.compile(r"\{\{[<%](?:[^}]|\}(?!\}))*\}\}"),  # Hugo: {{< figure src="…" >}}, {{% note %}}
    re.compile(r"\{%(?:[^%]|%(?!\}))*%\}"),  # Liquid, Jinja, GitBook: {% include … %}
    re.compile(r"\{\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}\}"),  # {{ site.title }}
)
_MARKS = ("{%", "{{")


def strip_template_tags(text: str) -> str:
    """The text without template tags; text that has none comes back untouched."""
    if not any(mark in text for mark in _MARKS):
        return text
    text = _WITH_CONTENT.sub("", text)
    for tag in _TAGS:
        text = tag.sub("", text)
    return text
