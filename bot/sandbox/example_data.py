"""The example data on the page: a case, a thread about it, a thread about no case, and a message in #general."""

import time
import uuid
from dataclasses import dataclass
from typing import Any

from bot.sandbox.datadog.server import DatadogServer
from bot.sandbox.slack.server import SlackServer
from bot.sandbox.slack.text import typed

Json = dict[str, Any]

CASE_KEY, CASE_TITLE = "CASEM-4523", "Memory leak investigation on API"
CASE_LINK = f"https://app.datadoghq.com/cases/{CASE_KEY}"
DESCRIPTION = "Memory of the api pods climbs by about 40 MB an hour since the 4.7 release, until they are killed."
INCIDENTS, GENERAL = "C0INCIDENTS", "C0GENERAL"
ANA, BEN = "U0ANA", "U0BEN"


@dataclass(frozen=True, slots=True)
class Post:
    """A message that was posted `minutes` before the page opens."""

    minutes: float
    user: str
    text: str


CASE_THREAD = (
    Post(47, ANA, f"Opened {CASE_LINK}: memory of the api pods grows since this morning. Let's collect here."),
    Post(44, BEN, "Same picture on api-2 and api-3. It looks like a sawtooth: they are killed at 90 % and start over."),
    Post(39, ANA, "It began with 4.7.0, which brought the response cache. Nothing else was deployed."),
    Post(36, BEN, "Then let's put what we find on the case: the monitor that fired, the error behind it, the change."),
)
OTHER_THREAD = (
    Post(23, BEN, "Checkout in staging is slow again, about 4 s. Is anybody load testing?"),
    Post(21, ANA, "Yes, that's me, until half past. Sorry, I should have said so."),
)
GENERAL_THREAD = (Post(64, ANA, "Reminder: the on-call handover is at four, bring your open cases."),)


def add_example_data(slack: SlackServer, datadog: DatadogServer) -> None:
    """Add the example data to both servers. The app gets no events: all of it is older than the bot."""
    datadog.cases.change(datadog.add_case(CASE_KEY, CASE_TITLE, status="IN_PROGRESS"), description=DESCRIPTION)
    now = time.time()
    _add_thread(slack, GENERAL, GENERAL_THREAD, now)
    _add_thread(slack, INCIDENTS, CASE_THREAD, now)
    _add_thread(slack, INCIDENTS, OTHER_THREAD, now)


def _add_thread(slack: SlackServer, channel: str, messages: tuple[Post, ...], now: float) -> None:
    """Add one thread; the first message is its root."""
    root: str | None = None
    for example in messages:
        ts = f"{now - 60 * example.minutes:.6f}"
        text, blocks = typed(example.text, slack.workspace.names())
        message: Json = {"user": example.user, "team": slack.workspace.team_id, "client_msg_id": str(uuid.uuid4())}
        message |= {"ts": ts, "text": text, "blocks": blocks, **({"thread_ts": root} if root else {})}
        slack.conversations.add(slack.workspace.channels[channel], message, deliver=False)
        root = root or ts
