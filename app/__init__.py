"""The portal: Flask, the database, people and their rights."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from app.library import Library


def create_app(library: "Library | None" = None) -> "Flask":
    """The portal on a library: the one given, or that of the configuration."""
    # Imported here: every command imports this package, few of them need the portal.
    from flask import Flask

    from app import errors, extensions, headers, i18n, templating
    from app.administration import views as administration
    from app.config import read_config
    from app.library import Library
    from app.monitoring import checks, metrics, requests
    from app.monitoring import views as monitoring
    from app.pages import views as pages
    from app.resources import views as resources
    from app.search import companions, patience
    from app.search import views as search

    app = Flask(__name__)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # names come in the order they are told
    library = library or Library(read_config())
    requests.init_app(app)
    patience.init_app(app)
    extensions.init_app(app, library)
    metrics.init_app(app, library)
    checks.init_app(app, library)
    companions.init_app(app, library)
    i18n.init_app(app)
    templating.init_app(app)
    headers.init_app(app)
    errors.init_app(app)

    app.register_blueprint(pages.bp)
    app.register_blueprint(search.bp)
    app.register_blueprint(administration.bp)
    app.register_blueprint(monitoring.bp)
    resources.init_app(app)
    return app
