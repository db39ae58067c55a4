"""The bot's metrics, for Prometheus and the Datadog Agent's OpenMetrics check."""

import contextlib
from collections.abc import Generator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

registry = CollectorRegistry()

events = Counter(
    "case_insights_events",
    "Events from Slack, by type and by whether they were acknowledged",
    ["type", "outcome"],
    registry=registry,
)
ready = Gauge("case_insights_ready", "1 when /readyz says that the bot is ready, else 0", registry=registry)
part_ready = Gauge(
    "case_insights_part_ready",
    "1 while this part can work, else 0: database, worker, datadog (its keys at the start), slack",
    ["part"],
    registry=registry,
)
keys_accepted = Gauge(
    "case_insights_keys_accepted",
    "1 while Datadog accepts the keys of this organisation, else 0",
    ["org"],
    registry=registry,
)
last_event_age = Gauge(
    "case_insights_last_event_age_seconds",
    "Seconds since Slack last sent an event; before the first, since the start",
    registry=registry,
)
socket_age = Gauge(
    "case_insights_socket_age_seconds",
    "Seconds since the websocket was opened; 0 in HTTP mode",
    registry=registry,
)
links = Counter(
    "case_insights_links",
    "Links to Datadog or to code changes in messages",
    ["outcome", "type"],
    registry=registry,
)
# Not the number in each state: the database knows that, and every replica would report all of it.
moves = Counter("case_insights_insights", "Insights that reached a state", ["state"], registry=registry)
click_to_case = Histogram(
    "case_insights_click_to_case_seconds",
    "From a person's confirmation to Datadog's answer that the insight is on the case",
    buckets=(0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 86400),
    registry=registry,
)
calls = Counter(
    "case_insights_calls",
    "Calls to Slack and Datadog: ok, later (will be tried again), refused",
    ["service", "method", "result"],
    registry=registry,
)
jobs_depth = Gauge("case_insights_jobs", "Jobs in the queue, leased ones included", ["kind"], registry=registry)
jobs_oldest = Gauge(
    "case_insights_jobs_oldest_seconds",
    "How long the oldest work has waited: of cases since a person confirmed it, of others since it was first due",
    ["kind"],
    registry=registry,
)
jobs_retried = Counter("case_insights_jobs_retried", "Jobs rescheduled after a failure", ["kind"], registry=registry)
leases_lost = Counter(
    "case_insights_leases_lost", "Leases that ended before their worker was done", ["kind"], registry=registry
)


@contextlib.contextmanager
def counted(service: str, method: str, later: type[Exception]) -> Generator[None]:
    """Count a call by its result. `method`: of a small set; `later`: the error after which it may be repeated."""
    result = "refused"
    try:
        yield
        result = "ok"
    except later:
        result = "later"
        raise
    finally:
        calls.labels(service, method, result).inc()


def exposition() -> bytes:
    """All metrics in the text format."""
    return generate_latest(registry)
