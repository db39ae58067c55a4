"""How long Slack or Datadog asks us to wait, from a header of its answer."""

import math

CAP = 3600.0
"""Seconds: no longer wait is believed."""
EPOCH_FROM = 1_000_000_000


def seconds(header: str | None, *, epoch_now: float | None = None) -> float | None:
    """0 to 3600, None for what is no number: `Retry-After: 30`.

    `epoch_now`: the server's clock, where a header may also hold the moment at which the wait is over.
    """
    try:
        wait = float(header or "nan")
    except ValueError:
        return None
    if not math.isfinite(wait):
        return None
    if epoch_now is not None and wait >= EPOCH_FROM:
        wait -= epoch_now
    return min(max(wait, 0.0), CAP)
