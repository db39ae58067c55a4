"""Addresses of Slack messages, in every form that Slack's clients copy or show.

https://docs.slack.dev/reference/methods/chat.getPermalink
"""

import re
from dataclasses import dataclass

_CHANNEL, _SHORT_TS = r"(?P<channel>[CDG][A-Z0-9]{2,20})", r"(?P<seconds>\d{10})(?P<micros>\d{6})"
_MESSAGE = re.compile(
    # acme.slack.com/archives/C1/p1795439598000001; older /messages/; app.slack.com/client/T1/C1/p1795439598000001
    rf"https?://[^/?#]+/(?:[^?#]*/)?(?:archives|messages|client/[TE][A-Z0-9]+)/{_CHANNEL}/p{_SHORT_TS}/?"
    r"(?:\?(?P<query>[^#]*))?(?:#.*)?"
)
_THREAD = re.compile(
    # app.slack.com/client/T1/C2/thread/C1-1795439598.000001: what a browser shows beside an open thread
    rf"https?://[^/?#]+/client/[^?#]+/thread/{_CHANNEL}-(?P<ts>\d{{10}}\.\d{{6}})/?(?:[?#].*)?"
)
_THREAD_TS = re.compile(r"(?:^|&)thread_ts=(\d{10}\.\d{6})(?:&|$)")


@dataclass(frozen=True, slots=True)
class Permalink:
    """A Slack message by its address. `thread_ts`: the root of its thread; itself, where the address names none:
    it may be a reply all the same.
    """

    channel: str
    ts: str
    thread_ts: str


def permalink(link: str) -> Permalink | None:
    """The message with this address; None if it is no address of a Slack message."""
    if thread := _THREAD.fullmatch(link):
        return Permalink(thread["channel"], thread["ts"], thread["ts"])
    match = _MESSAGE.fullmatch(link)
    if match is None:
        return None
    ts = f"{match['seconds']}.{match['micros']}"
    root = _THREAD_TS.search(match["query"] or "")
    return Permalink(match["channel"], ts, root[1] if root else ts)
