"""The latest messages of threads, as this process received them: whether people still see a card where they read.

A message without a link costs no write, so this is kept in memory. `knows` says where that is not enough: what the
bot's other processes received, and what came before the start, is not in it.
"""

import time
from collections import deque

from cachetools import LRUCache

from bot.insights import BELOW_AT_MOST
from bot.model import Thread

THREADS = 4096
"""Remembered at most: those in which somebody wrote last."""


class LatestMessages:
    """The ts of each thread's newest messages, without those that brought links, and the bot's own.

    `alone`: no other process of the bot receives any.
    """

    alone = False

    def __init__(self) -> None:
        self._began = time.time()
        self._by_thread = LRUCache[Thread, deque[str]](THREADS)

    def note(self, thread: Thread, ts: str) -> None:
        """A message came into a thread; Slack may send it more than once."""
        if ts == thread.ts:
            return
        latest = self._by_thread.get(thread)
        if latest is None:
            latest = self._by_thread[thread] = deque(maxlen=BELOW_AT_MOST + 1)
        if ts not in latest:
            latest.append(ts)

    def of(self, thread: Thread) -> tuple[str, ...]:
        """At least as many as make a card lie far, if so many came."""
        return tuple(self._by_thread.get(thread, ()))

    def knows(self, card_ts: str) -> bool:
        """Whether this process has received all that came since this card was posted."""
        return self.alone and float(card_ts) > self._began
