"""The journal that both servers share: calls, events, rules, and waiting for changes."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar

from bot.sandbox.control.rules import Moment, Rule

Json = dict[str, Any]
T = TypeVar("T")

SECRET_ARGUMENTS = frozenset(
    {
        "token",
        "client_secret",
        "api_key",
        "application_key",
        "dd-api-key",
        "dd-application-key",
        "authorization",
    }
)
EVENTS_KEPT = 5_000


@dataclass(slots=True)
class Call:
    """One request to a server; `at` is seconds since the epoch.

    `method` is a name or template (`chat.postMessage`, `GET /api/v2/cases/{case_id}`). `status` is None while
    it is under way, and stays None when the connection was closed without an answer.
    """

    n: int
    at: float
    service: str
    method: str
    path: str
    arguments: Json = field(default_factory=Json)
    status: int | None = None
    answer: Any = None
    done: bool = False
    held: Moment | None = None

    def as_json(self) -> Json:
        names = ("n", "at", "service", "method", "path", "arguments", "status", "answer", "done", "held")
        return {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        state = f"held {self.held}" if self.held else "under way" if not self.done else self.status or "dropped"
        return f"{self.n} {self.service} {self.method} {self.path}: {state}"


class Event(NamedTuple):
    """One change, for the page: `kind` is "call", or what a server publishes ("message", "case" …)."""

    id: int
    kind: str
    data: Any


class Control:
    """Shared by both servers, and by tests in the same event loop."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._rules: dict[int, Rule] = {}
        self._held: list[tuple[Call, asyncio.Event]] = []
        self._resets: list[Callable[[], None]] = []
        self._change = asyncio.Event()
        self._last_n = self._last_rule = self._last_event = 0
        self._last_activity = 0.0
        self._under_way: set[int] = set()
        self._forgotten = 0

    # What happens

    def begin(self, service: str, method: str, path: str, arguments: Mapping[str, Any]) -> Call:
        """Record a call that has begun, without the credentials among its arguments."""
        self._last_n += 1
        kept = {name: value for name, value in arguments.items() if name.lower() not in SECRET_ARGUMENTS}
        call = Call(self._last_n, time.time(), service, method, path, kept)
        self.calls.append(call)
        self._under_way.add(call.n)
        self._last_activity = time.monotonic()
        self.publish("call", call.as_json())
        return call

    def finish(self, call: Call, status: int | None, answer: Any) -> None:
        """Record how a call ended; `status` None: the connection was closed without an answer."""
        call.status, call.answer, call.done = status, answer, True
        self._under_way.discard(call.n)
        self._last_activity = time.monotonic()
        self.publish("call", call.as_json())

    def publish(self, kind: str, data: Any) -> None:
        """Publish an event for the page; `data` must be JSON. Also wakes `until` and `quiet`."""
        self._last_event += 1
        self.events.append(Event(self._last_event, kind, data))
        self.changed()

    def changed(self) -> None:
        """Wake `until` and `quiet`: state that a predicate may look at has changed."""
        self._change.set()
        self._change = asyncio.Event()

    @property
    def last_event(self) -> int:
        """The id of the newest event, 0 when there is none."""
        return self._last_event

    # Looking and waiting

    def matching(self, service: str | None = None, method: str | None = None, after: int = 0) -> list[Call]:
        """The calls numbered above `after`, of one service and method if these are given."""
        return [
            call
            for call in self.calls
            if call.n > after and service in (None, call.service) and method in (None, call.method)
        ]

    async def until(
        self,
        predicate: Callable[[], T | Literal[False] | None],
        *,
        timeout: float = 20.0,  # noqa: ASYNC109 - ours says what was waited for
        what: str = "",
    ) -> T:
        """Wait until `predicate`, called again after every change, returns something true; return that.

        Raises TimeoutError, with `what` and the last ten calls, after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while not (result := predicate()):
            if not await self._change_within(deadline - time.monotonic()):
                raise TimeoutError(self._timed_out(timeout, what))
        return result

    async def quiet(
        self,
        seconds: float = 0.3,
        timeout: float = 20.0,  # noqa: ASYNC109 - ours says what was waited for
    ) -> None:
        """Wait until no call is under way and none has come for `seconds`, counted from now.

        A held call is under way. Raises TimeoutError like `until`.
        """
        started = time.monotonic()
        while True:
            now = time.monotonic()
            busy = bool(self._under_way)
            left = max(started, self._last_activity) + seconds - now
            if not busy and left <= 0:
                return
            if now >= started + timeout:
                raise TimeoutError(self._timed_out(timeout, "the servers to be quiet"))
            rest = started + timeout - now
            await self._change_within(rest if busy else min(left, rest))

    async def _change_within(self, seconds: float) -> bool:
        if seconds <= 0:
            return False
        try:
            async with asyncio.timeout(seconds):
                await self._change.wait()
        except TimeoutError:
            return False
        return True

    def _timed_out(self, seconds: float, what: str) -> str:
        calls = "\n".join(f"  {call}" for call in self.calls[-10:]) or "  none"
        return f"Waited {seconds:g} s for {what or 'a condition'}. The last calls:\n{calls}"

    # Rules and holds

    def rule(
        self,
        service: str,
        method: str,
        *,
        status: int | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        drop: Moment | None = None,
        hold: Moment | None = None,
        apply: bool = False,
        times: int | None = None,
        probability: float = 1.0,
        seed: int = 0,
    ) -> int:
        """Add a rule (see `Rule`) after the others; returns its id. Raises ValueError for a bad rule."""
        rule = Rule(
            service=service, method=method, status=status, body=body, headers=headers or {}, delay=delay,
            drop=drop, hold=hold, apply=apply, times=times, probability=probability, seed=seed,
        )  # fmt: skip
        self._last_rule += 1
        self._rules[self._last_rule] = rule
        self._publish_rules()
        return self._last_rule

    def clear_rules(self, *rules: int) -> None:
        """Remove the rules with these ids, or all. Held calls stay held: see `release`."""
        self._rules = {number: rule for number, rule in self._rules.items() if rules and number not in rules}
        self._publish_rules()

    def rules(self) -> list[Json]:
        """The rules that still have times left, as JSON with their ids."""
        return [{"rule": number, **rule.as_json()} for number, rule in self._rules.items() if rule.times != 0]

    def _publish_rules(self) -> None:
        self.publish("rules", {"rules": self.rules()})

    def take_rule(self, service: str, method: str) -> Rule | None:
        """The first rule that matches this call, has times left and is drawn by its probability; uses up one time."""
        return next((rule for rule in self._rules.values() if rule.takes(service, method)), None)

    async def hold(self, call: Call, moment: Moment) -> None:
        """Suspend until `release`."""
        gate = asyncio.Event()
        entry = (call, gate)
        self._held.append(entry)
        call.held = moment
        self.publish("call", call.as_json())
        try:
            await gate.wait()
        finally:
            call.held = None
            if entry in self._held:
                self._held.remove(entry)
            self.changed()

    def release(self, service: str | None = None) -> None:
        """Let the held calls (of one service) continue. Later calls that a rule holds are held again."""
        going = [entry for entry in self._held if service in (None, entry[0].service)]
        for call, gate in going:
            call.held = None
            self._held.remove((call, gate))
            gate.set()
        self.changed()

    def held(self) -> list[Call]:
        return [call for call, _ in self._held]

    # Starting over

    def forgotten(self, call: Call) -> bool:
        """Whether everything was reset since this call came."""
        return call.n <= self._forgotten

    def on_reset(self, callback: Callable[[], None]) -> None:
        """Call this when everything is reset."""
        self._resets.append(callback)

    def reset(self) -> None:
        """Remove all rules and calls, and reset each server.

        Held and delayed calls get no answer and are not applied any more. Call numbers keep rising.
        """
        self._forgotten = self._last_n
        self.clear_rules()
        self.release()
        self.calls.clear()
        for callback in self._resets:
            callback()
        self.publish("reset", {})


def contains(call: Call, text: str) -> bool:
    """Whether `text` is in the call's path or its arguments (as JSON, not escaped to ASCII)."""
    return text in call.path or text in json.dumps(call.arguments, ensure_ascii=False)
