"""`/metrics`: figures for Prometheus, or whoever else has METRICS_TOKEN.

All come from the database, so that each process of the site gives the same ones. How long requests take
is known to the web server in front.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ..services import Services
from .current import own_services, services

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
def metrics() -> Response:
    """In the text format of Prometheus; 401 for whoever does not send the token (RFC 6750), 404 where
    there is none."""
    token, sent = services.settings.metrics_token, request.authorization
    if not token:
        abort(404)
    if not sent or not hmac.compare_digest((sent.token or "").encode(), token.encode()):
        sentence = "Send METRICS_TOKEN as a bearer token.\n"
        return Response(sentence, 401, {"WWW-Authenticate": "Bearer"}, mimetype="text/plain")
    registry = CollectorRegistry()
    registry.register(Figures(own_services(), services.clock()))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


@dataclass(frozen=True, slots=True)
class Figures(Collector):
    """What this site has to say at this moment, which is aware UTC."""

    services: Services
    now: datetime

    def collect(self) -> Iterator[Metric]:
        """The figures by their names, which alerts and dashboards of others rely on."""
        standing = self.services.statistics.standing(self.now)
        progress = self.services.statistics.progress(self.now)
        by_status = GaugeMetricFamily(
            "invite_site_invitations", "Invitations of each status.", labels=["status"]
        )
        for status, number in standing.counts.items():
            by_status.add_metric([status], number)
        yield by_status
        yield GaugeMetricFamily(
            "invite_site_invitations_due",
            "Invitations that could go out now; at most 10,000 are counted.",
            self.services.listing.waiting(self.now),
        )
        yield GaugeMetricFamily(
            "invite_site_invitations_stuck",
            "Invitations whose password was set more than an hour ago, without a sign-in since.",
            standing.stuck,
        )
        # No counters, which Prometheus takes to begin anew where they fall, as they do by an erasure.
        by_step = GaugeMetricFamily(
            "invite_site_invitations_reached", "Invitations that came so far.", labels=["step"]
        )
        by_step.add_metric(["sent"], progress.sent)
        by_step.add_metric(["password_set"], progress.password_set)
        by_step.add_metric(["accepted"], progress.accepted)
        yield by_step
        yield GaugeMetricFamily(
            "invite_site_circuit_breaker_open",
            "1 while nothing goes out because of the tenant or the mail server.",
            self.services.circuit_breaker.outage() is not None,
        )
        if (ago := self.services.heartbeats.last(self.now)) is not None:
            yield GaugeMetricFamily(
                "invite_site_worker_seen_timestamp_seconds",
                "When a worker was seen last.",
                (self.now - ago).timestamp(),
            )
