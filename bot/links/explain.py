"""How a link was read: as JSON for programs, and in words for people."""

from typing import assert_never

from bot.links.json_guards import Json
from bot.links.outcomes import CaseLink, Reason, Uncovered
from bot.links.parse import Reading
from bot.links.reasons import NOTED, sentence
from bot.model import Draft, Insight

UNLESS_OFF = "(unless CASE_INSIGHTS_NOTES or CASE_INSIGHTS_COMMENT is off)"


def as_row(reading: Reading) -> Json:
    """One JSON object: link, outcome, type, resource_id, scope, ref, case, route, reason; absent is null.

    `outcome` is `insight`, `draft`, `case`, `uncovered` or `other` (not ours to read). What is uncovered and can be a
    note has the note's resource_id, ref and, as scope, what it shows (`Dashboard`).
    """
    row: Json = {"link": reading.link, "outcome": "other"}
    row |= dict.fromkeys(("type", "resource_id", "scope", "ref", "case"))
    row |= {"route": reading.route, "reason": reading.reason.value if reading.reason else None}
    match reading.outcome:
        case Insight(type, resource_id, ref, _, scope) | Draft(type, resource_id, ref, _, scope):
            outcome = "insight" if isinstance(reading.outcome, Insight) else "draft"
            row |= {"outcome": outcome, "type": type.value, "resource_id": resource_id}
            row |= {"scope": scope or None, "ref": ref}
        case CaseLink(case=case):
            row |= {"outcome": "case", "case": case}
        case Uncovered(note=note):
            row |= {"outcome": "uncovered"}
            row |= {"resource_id": note.resource_id, "scope": note.scope, "ref": note.ref} if note else {}
        case None:
            pass
        case _:
            assert_never(reading.outcome)
    return row


def as_text(reading: Reading) -> str:
    """A few lines: what the link is and by which rule, or what is missing and what to do."""
    match reading.outcome:
        case Insight() as insight:
            lines = [f"Insight: {insight.type}", *_fields(insight), _rule(reading)]
        case Draft() as draft:
            lines = [f"Draft: probably {draft.type}", *_fields(draft), _rule(reading), *_to_do(draft, reading)]
        case CaseLink() as link:
            lines = [f"Case: {link.case}", _rule(reading), "The bot offers to tie the thread to this case."]
        case Uncovered(reason, _, note):
            lines = ["Uncovered: a Datadog page, but no insight", *_why(reason)]
            lines += [f"{'note':<12} {note.scope}: {note.resource_id}", f"{NOTED} {UNLESS_OFF}"] if note else []
        case None:
            lines = ["Not read", *_why(reading.reason)]
        case _:
            assert_never(reading.outcome)
    return "\n".join(map(_printable, [reading.link, *(f"  {line}" for line in lines)]))


def _printable(line: str) -> str:
    return "".join(character if character.isprintable() else "\ufffd" for character in line)


def _fields(insight: Insight | Draft) -> list[str]:
    fields = {"resource_id": insight.resource_id or "(missing)", "scope": insight.scope, "ref": insight.ref}
    return [f"{name:<12} {value}" for name, value in fields.items() if value]


def _rule(reading: Reading) -> str:
    return f"{'route':<12} {reading.route}: {reading.rule}"


def _to_do(draft: Draft, reading: Reading) -> list[str]:
    missing = "Check the id: it is only a candidate." if draft.resource_id else "The link has no id."
    return [reading.hint or missing, "To add it, press Edit… on the card, or use Add to case, and fill in the id."]


def _why(reason: Reason | None) -> list[str]:
    return [f"{'reason':<12} {reason}", sentence(reason)] if reason else []
