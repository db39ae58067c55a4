"""The comments in a case's timeline, as far as Datadog's answers tell them; as in `answers`, nothing here raises."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.datadog.answers import Part, log_unread, path_id, read


@dataclass(frozen=True, slots=True)
class CaseComment:
    """A comment on a case. `text`: as it was written (Markdown); None: it cannot be read, so it may be any.

    `cell_id`: empty where the answer does not tell it.
    """

    cell_id: str
    text: str | None


def cells_in(content: bytes) -> Sequence[CaseComment | None] | None:
    """The cells of a timeline, None for each that is no comment or a deleted one; None: the answer has no list."""
    body = read(content)
    data = body.at("data")
    cells = [_comment(entry) for entry in data.entries]
    log_unread(body, "timeline")
    return cells if isinstance(data.value, list) else None


def added_in(content: bytes) -> str | None:
    """The id of the comment that this answers; None: it does not tell."""
    return next((cell.cell_id for cell in cells_in(content) or () if cell and cell.cell_id), None)


def _comment(entry: Part) -> CaseComment | None:
    """The API's schema knows comments alone; its timelines list changes of the case, too."""
    attributes = entry.at("attributes")
    if attributes.at("type").text not in (None, "COMMENT") or attributes.at("deleted_at").value:
        return None
    return CaseComment(path_id(entry.needed("id")), attributes.at("cell_content").needed("message").text)
