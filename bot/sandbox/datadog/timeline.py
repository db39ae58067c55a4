"""The comments on a case, as cells of its timeline, and who writes them."""

import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

OWNER = "Case Insights"
"""The user who owns the application key: the author of what comes over the API."""


@dataclass(slots=True)
class Comment:
    """One comment. Times are seconds since the epoch; None for what has not happened."""

    text: str
    author: str = OWNER
    created_at: float = field(default_factory=time.time)
    modified_at: float | None = None
    deleted_at: float | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def as_json(self) -> Json:
        """The cell in the shape that was recorded."""
        handle = _handle(self.author)
        user = {"ID": str(uuid.uuid5(uuid.NAMESPACE_URL, handle)), "name": self.author, "handle": handle}
        attributes: Json = {
            "type": "COMMENT",
            "author": {"type": "USER", "content": user},
            "cell_content": {"message": self.text},
            "created_at": iso(self.created_at),
            "modified_at": iso(self.modified_at),
            "deleted_at": iso(self.deleted_at),
        }
        kept = {name: value for name, value in attributes.items() if value is not None}
        return {"id": self.id, "type": "timeline_cell", "attributes": kept}


def current_user(*, service_account: bool) -> Json:
    """The owner, as they are told of themselves."""
    handle = _handle(OWNER)
    attributes = {"name": OWNER, "handle": handle, "service_account": service_account, "status": "Active"}
    return {"data": {"type": "users", "id": str(uuid.uuid5(uuid.NAMESPACE_URL, handle)), "attributes": attributes}}


def _handle(name: str) -> str:
    return f"{name.lower().replace(' ', '.')}@example.com"


def iso(seconds: float | None) -> str | None:
    """As Datadog writes a time."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
