"""The scene that the page opens with: a case, a thread about it with a short history, and an untied thread."""

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
class Line:
    """What somebody said, so many minutes before the page is opened."""

    minutes: float
    user: str
    text: str


CASE_THREAD = (
    Line(47, ANA, f"Opened {CASE_LINK}: memory of the api pods grows since this morning. Let's collect here."),
    Line(44, BEN, "Same picture on api-2 and api-3. It looks like a sawtooth: they are killed at 90 % and start over."),
    Line(39, ANA, "It began with 4.7.0, which brought the response cache. Nothing else was deployed."),
    Line(36, BEN, "Then let's put what we find on the case: the monitor that fired, the error behind it, the change."),
)
OTHER_THREAD = (
    Line(23, BEN, "Checkout in staging is slow again, about 4 s. Is anybody load testing?"),
    Line(21, ANA, "Yes, that's me, until half past. Sorry, I should have said so."),
)
GENERAL_THREAD = (Line(64, ANA, "Reminder: the on-call handover is at four, bring your open cases."),)


def set_up(slack: SlackServer, datadog: DatadogServer) -> None:
    """Put the scene on both servers. The app is told of none of it: it happened before the bot came."""
    datadog.cases.change(datadog.add_case(CASE_KEY, CASE_TITLE, status="IN_PROGRESS"), description=DESCRIPTION)
    now = time.time()
    _say(slack, GENERAL, GENERAL_THREAD, now)
    _say(slack, INCIDENTS, CASE_THREAD, now)
    _say(slack, INCIDENTS, OTHER_THREAD, now)


def _say(slack: SlackServer, channel: str, lines: tuple[Line, ...], now: float) -> None:
    """One thread: the first line is its root."""
    root: str | None = None
    for line in lines:
        ts = f"{now - 60 * line.minutes:.6f}"
        text, blocks = typed(line.text, slack.workspace.names())
        message: Json = {"user": line.user, "team": slack.workspace.team_id, "client_msg_id": str(uuid.uuid4())}
        message |= {"ts": ts, "text": text, "blocks": blocks, **({"thread_ts": root} if root else {})}
        slack.conversations.add(slack.workspace.channels[channel], message, deliver=False)
        root = root or ts
