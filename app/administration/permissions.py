"""Who may see the administration: until there are accounts, whoever knows the one password."""

import hashlib
import hmac

from werkzeug.datastructures import Authorization

ADMINISTRATOR = "admin"


def is_administrator(password: str, given: Authorization | None) -> bool:
    """Whether name and password are those of the administrator, in the same time for every guess.

    Digests are compared, because comparing texts would tell how long the right one is.
    """
    said = f"{given.username}\n{given.password}" if given and given.type == "basic" else ""
    return hmac.compare_digest(_digest(said), _digest(f"{ADMINISTRATOR}\n{password}"))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
