"""How long to wait for what, in seconds, and the sentence that says why."""

import random
from typing import assert_never

from bot.datadog.errors import TransientReason
from bot.messages import sentences

FIRST_RETRY_SECONDS = 1.0


def backoff(attempts: int, cap: float, asked: float | None = None) -> float:
    """After `attempts` failures in a row: what was asked for, else 1, 2, 4 … up to `cap`, with jitter."""
    if asked is not None:
        return max(asked, 0.05)
    # Jitter keeps replicas apart; it guards no secret.
    return min(cap, FIRST_RETRY_SECONDS * 2.0 ** min(attempts, 16)) * random.uniform(0.8, 1.0)  # noqa: S311


def answer_is_due(lease: float) -> float:
    """Seconds after which a call without an answer has surely ended; reading the case before that proves nothing."""
    return 0.75 * lease


def not_now(why: TransientReason, status: int | None = None) -> str:
    """Why Datadog did not do it now, a sentence. `status`: of its answer, None: there was none."""
    match why:
        case TransientReason.RATE_LIMITED:
            return sentences.RATE_LIMITED
        case TransientReason.CREDENTIALS:
            return sentences.CREDENTIALS
        case TransientReason.SILENT:
            return sentences.not_answering(status)
        case _:
            assert_never(why)
