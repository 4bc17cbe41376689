"""The pages: blueprints, and what all requests have in common."""

import logging
from http import HTTPMethod
from time import perf_counter

from flask import Flask, g, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from ..services import Services
from . import (
    errors,
    health,
    home,
    landing,
    language,
    limits,
    metrics,
    rate_limits,
    revision,
    security,
    signin,
    sweeping,
    templating,
)
from .admin import bp as admin
from .current import EXTENSION

log = logging.getLogger(__name__)


def init_app(app: Flask, services: Services) -> None:
    """Put the pages into `app`, which serves them with these services. Raises ConfigError where the
    package for RATE_LIMIT_URL is missing."""
    app.extensions[EXTENSION] = services
    if hops := services.settings.trusted_proxies:
        # Never the host or a prefix: SITE_URL alone says where this site is.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]  # as Flask's manual has it
    app.before_request(_start_timer)
    services.relying_party.init_app(app)
    limits.init_app(app)
    language.init_app(app)
    security.init_app(app, services.settings)
    revision.init_app(app, services)
    rate_limits.init_app(app, services.settings)
    templating.init_app(app)
    errors.init_app(app)
    for blueprint in (home.bp, signin.bp, landing.bp, admin, health.bp, metrics.bp):
        app.register_blueprint(blueprint)
    sweeping.init_app(app, services)
    app.after_request(_log_request)


def _start_timer() -> None:
    g.began = perf_counter()


def _log_request(response: Response) -> Response:
    # The name of the route, never the address: that may hold a state or somebody's name. Nor a method
    # that there is not: it may be as long as a request's head.
    log.info(
        "%s %s %s %.0f ms",
        request.method if request.method in HTTPMethod.__members__ else "unknown",
        request.endpoint or "unknown",
        response.status_code,
        (perf_counter() - g.get("began", perf_counter())) * 1000,
    )
    return response
