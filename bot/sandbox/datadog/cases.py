"""Cases: a permanent UUID, a key that changes when the case moves, insights and comments."""

import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bot.sandbox.datadog.timeline import OWNER, Comment, iso

Json = dict[str, Any]

KEY = re.compile(r"[A-Z0-9]{1,10}-[1-9][0-9]*")
STATUS_NAMES = {"OPEN": "Open", "IN_PROGRESS": "In Progress", "CLOSED": "Closed"}
PRIORITIES = ("NOT_DEFINED", "P1", "P2", "P3", "P4", "P5")
STANDARD = "00000000-0000-0000-0000-000000000001"
"""The id of the case type that Datadog calls Standard."""
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
    priority: str = PRIORITIES[0]
    type_id: str = STANDARD
    modified_at: float | None = None
    closed_at: float | None = None
    archived_at: float | None = None
    insights: list[CaseInsight] = field(default_factory=list[CaseInsight])
    cells: list[Comment] = field(default_factory=list[Comment])

    @property
    def project_id(self) -> str:
        return project_id(self.key.rpartition("-")[0])

    @property
    def comments(self) -> list[str]:
        """The texts of its comments, the oldest first, without the deleted ones."""
        return [cell.text for cell in self.cells if cell.deleted_at is None]

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
            "type_id": self.type_id,
            "comment_count": len(self.comments),
            "created_at": iso(self.created_at),
            "modified_at": iso(self.modified_at),
            "closed_at": iso(self.closed_at),
            "archived_at": iso(self.archived_at),
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
        return {"id": self.id, **self.attributes(), "comments": self.comments}


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

    def add(
        self,
        key: str,
        title: str,
        status: str = "OPEN",
        insights: Iterable[tuple[str, str, str]] = (),
        *,
        description: str = "",
        priority: str = PRIORITIES[0],
        type_id: str = STANDARD,
    ) -> Case:
        """Raises ValueError for a malformed or taken key or an unknown status."""
        self._check_key(key)
        _check_status(status)
        now = time.time()
        case = Case(str(uuid.uuid4()), key, title, now, description, status, priority, type_id)
        case.insights = [CaseInsight(*insight) for insight in insights]
        case.closed_at = now if status == "CLOSED" else None
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

    def comment(self, case: Case, text: str, author: str = OWNER) -> Comment:
        """Comment on a case, as a person does in Datadog itself unless the author is the key's owner."""
        case.cells.append(Comment(text, author))
        self.touch(case)
        return case.cells[-1]

    def change_comment(self, case: Case, cell: Comment, text: str | None) -> None:
        """Give a comment another text, or delete it (None), whoever does."""
        if text is None:
            cell.deleted_at = time.time()
        else:
            cell.text, cell.modified_at = text, time.time()
        self.touch(case)

    def next_key(self, project_key: str) -> str:
        """The key of the next case in this project."""
        keys = (case.key.rpartition("-") for case in self)
        return f"{project_key}-{max((int(key[2]) for key in keys if key[0] == project_key), default=0) + 1}"

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


def project_id(key: str) -> str:
    """The id of the project whose cases' keys begin with this."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"project/{key}"))


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
