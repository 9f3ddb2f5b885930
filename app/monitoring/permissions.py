"""Who may see figures and details: whoever has the token, and the administrator."""

import hashlib
import hmac

from werkzeug.datastructures import Authorization

from app.administration.permissions import is_administrator
from app.config import Config


def challenges(config: Config) -> list[tuple[str, str]]:
    """The headers of a refusal, one a way to show who one is; none where nobody may see them."""
    secrets = {"Bearer": config.metrics_token, 'Basic realm="Passerelle"': config.admin_password}
    return [("WWW-Authenticate", scheme) for scheme, secret in secrets.items() if secret]


def may_watch(config: Config, given: Authorization | None) -> bool:
    """By what the request carries, never by where it comes from: behind a web server in front
    every request comes from this machine.
    """
    if config.metrics_token is not None and carries(config.metrics_token, given):
        return True
    return config.admin_password is not None and is_administrator(config.admin_password, given)


def carries(token: str, given: Authorization | None) -> bool:
    """Whether the token is right, in the same time for every guess."""
    said = (given.token or "") if given and given.type == "bearer" else ""
    return hmac.compare_digest(_digest(said), _digest(token))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
