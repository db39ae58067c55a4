"""What the bot counts of itself, for Prometheus and the Datadog Agent's OpenMetrics check."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

registry = CollectorRegistry()

lanes_depth = Gauge("case_insights_lanes", "Lanes there are, held ones included", ["kind"], registry=registry)
lanes_oldest = Gauge(
    "case_insights_lanes_oldest_seconds",
    "How long the lane that is overdue longest has been due",
    ["kind"],
    registry=registry,
)
lanes_retried = Counter("case_insights_lanes_retried", "Lanes put off after a failure", ["kind"], registry=registry)
leases_lost = Counter(
    "case_insights_leases_lost", "Leases that ended before their holder was done", ["kind"], registry=registry
)


def exposition() -> bytes:
    """All of it in the text format."""
    return generate_latest(registry)
