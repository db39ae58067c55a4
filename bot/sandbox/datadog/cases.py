"""Cases: a permanent UUID, a key that changes when the case moves, and insights."""

import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

Json = dict[str, Any]

KEY = re.compile(r"[A-Z0-9]{1,10}-[1-9][0-9]*")
STATUS_NAMES = {"OPEN": "Open", "IN_PROGRESS": "In Progress", "CLOSED": "Closed"}
PRIORITIES = ("NOT_DEFINED", "P1", "P2", "P3", "P4", "P5")
FILTER_WORD = re.compile(r'(-?)(?:(\w+):)?(?:"([^"]*)"|([^\s()]+))')


class CaseInsight(NamedTuple):
    """Datadog's three fields."""

    type: str
    resource_id: str
    ref: str

    def as_json(self) -> Json:
        return {"type": self.type, "ref": self.ref, "resource_id": self.resource_id}


@dataclass(slots=True)
class Case:
    """One case. Times are seconds since the epoch; None for what has not happened."""

    id: str
    key: str
    title: str
    created_at: float
    description: str = ""
    status: str = "OPEN"
    priority: str = "NOT_DEFINED"
    modified_at: float | None = None
    closed_at: float | None = None
    archived_at: float | None = None
    insights: list[CaseInsight] = field(default_factory=list[CaseInsight])
    comments: list[str] = field(default_factory=list[str])

    @property
    def project_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"project/{self.key.rpartition('-')[0]}"))

    def attributes(self) -> Json:
        """As in the API, which leaves null fields out."""
        attributes: Json = {
            "key": self.key,
            "title": self.title,
            "description": self.description,
            "status": self.status,
            "status_group": f"SG_{self.status}",
            "status_name": STATUS_NAMES[self.status],
            "priority": self.priority,
            "type": "STANDARD",
            "created_at": _written(self.created_at),
            "modified_at": _written(self.modified_at),
            "closed_at": _written(self.closed_at),
            "archived_at": _written(self.archived_at),
            "insights": [insight.as_json() for insight in self.insights],
        }
        return {name: value for name, value in attributes.items() if value is not None}

    def as_json(self) -> Json:
        """The JSON:API resource."""
        project = {"data": {"id": self.project_id, "type": "project"}}
        return {
            "id": self.id,
            "type": "case",
            "attributes": self.attributes(),
            "relationships": {"project": project},
        }

    def snapshot(self) -> Json:
        """For the sandbox's page: flat, with the comments."""
        return {"id": self.id, **self.attributes(), "comments": list(self.comments)}


class Cases:
    """All cases of the organization; `on_change` is called with each case that changes."""

    def __init__(self, on_change: Callable[[Case], None]) -> None:
        self._on_change = on_change
        self._by_id: dict[str, Case] = {}

    def __iter__(self) -> Iterator[Case]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __getitem__(self, id_or_key: str) -> Case:
        """Raises KeyError when there is none; a key from before a move is unknown."""
        case = self.get(id_or_key)
        if case is None:
            raise KeyError(id_or_key)
        return case

    def get(self, id_or_key: str) -> Case | None:
        by_key = (case for case in self if case.key == id_or_key)
        return self._by_id.get(id_or_key) or next(by_key, None)

    def clear(self) -> None:
        self._by_id.clear()

    def add(self, key: str, title: str, status: str = "OPEN", insights: Iterable[tuple[str, str, str]] = ()) -> Case:
        """Raises ValueError for a malformed or taken key or an unknown status."""
        self._check_key(key)
        _check_status(status)
        kept = [CaseInsight(*insight) for insight in insights]
        now = time.time()
        closed_at = now if status == "CLOSED" else None
        case = Case(str(uuid.uuid4()), key, title, created_at=now, status=status, closed_at=closed_at, insights=kept)
        self._by_id[case.id] = case
        self._on_change(case)
        return case

    def change(
        self,
        case: Case,
        *,
        key: str | None = None,
        title: str | None = None,
        description: str | None = None,
        status: str | None = None,
        archived: bool | None = None,
        insights: Iterable[CaseInsight] = (),
    ) -> None:
        """Change a case as people do in Datadog itself: None changes nothing, `insights` are added.

        A new `key` is a move to another project: the UUID stays, the old key becomes unknown. Raises ValueError
        like `add`, and then nothing has changed.
        """
        if key is not None:
            self._check_key(key)
        if status is not None:
            _check_status(status)
            case.closed_at = (case.closed_at or time.time()) if status == "CLOSED" else None
        if archived is not None:
            case.archived_at = time.time() if archived else None
        case.key = case.key if key is None else key
        case.title = case.title if title is None else title
        case.description = case.description if description is None else description
        case.status = case.status if status is None else status
        case.insights.extend(insights)
        self.touch(case)

    def move(self, case: Case, key: str) -> None:
        """To another project: see `change`."""
        self.change(case, key=key)

    def touch(self, case: Case) -> None:
        """Note the time of a change, and publish it."""
        case.modified_at = time.time()
        self._on_change(case)

    def search(self, words: str) -> list[Case]:
        """A small part of Datadog's search syntax: free text, `key:value`, quotes, `-`, AND (the default) and OR.

        As in Datadog, keys are not searched. Parentheses are ignored here.
        """
        choices: list[list[re.Match[str]]] = [[]]
        for word in FILTER_WORD.finditer(words):
            if word[0] == "OR":
                choices.append([])
            elif word[0] != "AND":
                choices[-1].append(word)
        return [case for case in self if any(_fits_all(case, choice) for choice in choices)]

    def _check_key(self, key: str) -> None:
        if not KEY.fullmatch(key):
            raise ValueError(f"A key looks like CASEM-4523, not {key!r}.")
        if self.get(key) is not None:
            raise ValueError(f"There is a case {key} already.")


def _check_status(status: str) -> None:
    if status not in STATUS_NAMES:
        raise ValueError(f"status must be one of {', '.join(STATUS_NAMES)}, not {status!r}.")


def _fits_all(case: Case, words: list[re.Match[str]]) -> bool:
    return all(_fits(case, word) != bool(word[1]) for word in words)


def _fits(case: Case, word: re.Match[str]) -> bool:
    wanted = (word[3] if word[3] is not None else word[4]).lower()
    if word[2] is None:
        return wanted in case.title.lower() or wanted in case.description.lower()
    known = {
        "status": case.status,
        "priority": case.priority,
        "project_id": case.project_id,
        "type": "STANDARD",
    }
    return known.get(word[2].lower(), "").lower() == wanted


def _written(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
