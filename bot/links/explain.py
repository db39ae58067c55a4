"""A reading as JSON for programs, and in words for people."""

from typing import assert_never

from bot.links.outside import Json
from bot.links.parse import Reading
from bot.links.reasons import sentence
from bot.model import CaseLink, Draft, Insight, Reason, Uncovered


def as_row(reading: Reading) -> Json:
    """One JSON object: link, outcome, type, resource_id, scope, ref, case, route, reason; absent is null.

    `outcome` is `insight`, `draft`, `case`, `uncovered` or `other` (not ours to read).
    """
    row: Json = {
        "link": reading.link,
        "outcome": "other",
        "type": None,
        "resource_id": None,
        "scope": None,
        "ref": None,
        "case": None,
        "route": reading.route,
        "reason": reading.reason.value if reading.reason else None,
    }
    match reading.outcome:
        case Insight() | Draft() as found:
            row |= {
                "outcome": "insight" if isinstance(found, Insight) else "draft",
                "type": found.type.value,
                "resource_id": found.resource_id,
                "scope": found.scope or None,
                "ref": found.ref,
            }
        case CaseLink(case=case):
            row |= {"outcome": "case", "case": case}
        case Uncovered():
            row |= {"outcome": "uncovered"}
        case None:
            pass
        case _:
            assert_never(reading.outcome)
    return row


def as_text(reading: Reading) -> str:
    """The reading in a few lines: what the link is, by which rule, or what is missing and what to do."""
    match reading.outcome:
        case Insight() as insight:
            lines = [f"Insight: {insight.type}", *_fields(insight), _rule(reading)]
        case Draft() as draft:
            lines = [f"Draft: probably {draft.type}", *_fields(draft), _rule(reading), *_to_do(draft, reading)]
        case CaseLink() as link:
            lines = [f"Case: {link.case}", _rule(reading), "The bot offers to tie a thread to the case it names."]
        case Uncovered() as uncovered:
            lines = ["Uncovered: Datadog's, but no insight", *_why(uncovered.reason)]
        case None:
            lines = ["Not read", *_why(reading.reason)]
        case _:
            assert_never(reading.outcome)
    shown = "".join(character if character.isprintable() else "\ufffd" for character in reading.link)
    return "\n".join([shown, *(f"  {line}" for line in lines)])


def _fields(found: Insight | Draft) -> list[str]:
    fields = {"resource_id": found.resource_id or "(missing)", "scope": found.scope, "ref": found.ref}
    return [f"{name:<12} {value}" for name, value in fields.items() if value]


def _rule(reading: Reading) -> str:
    return f"{'route':<12} {reading.route}: {reading.rule}"


def _to_do(draft: Draft, reading: Reading) -> list[str]:
    missing = "The id is only a candidate: check it." if draft.resource_id else "The link holds no id."
    return [reading.hint or missing, "To add it, press Edit… on the card (or use Add to case) and fill in the id."]


def _why(reason: Reason | None) -> list[str]:
    return [f"{'reason':<12} {reason}", sentence(reason)] if reason else []
