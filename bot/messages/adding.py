"""What `case-insights add` says, as plain text: what became of each link, and why nothing was begun."""

from collections.abc import Sequence

from bot.links import sentence
from bot.links.outcomes import Reason
from bot.messages.card_view import TYPE_NAMES
from bot.model import Draft

KEYS_REFUSED = "Datadog does not accept the keys, so nothing was done; case-insights doctor says which, and what to do."
CASE_LINK = "This is a case."
LOOK_FIRST = "It may be on the case all the same: run the same again, which looks first."
NOT_LISTED = "Datadog does not say what is on the case, so nothing was sent: a copy would stay."
OTHERS_REFUSED = "Not tried any more, because Datadog refused the three before it."


def uncertain(draft: Draft, hint: str) -> str:
    """Why a draft is not added: no person completes it here."""
    missing = "Its id is only a candidate." if draft.resource_id else "The link has no id."
    return f"{TYPE_NAMES[draft.type]}: {hint or missing} Add it in Slack, or paste a link that holds the id."


def not_read(reason: Reason | None) -> str:
    return sentence(reason or Reason.NOT_OURS)


def result(outcome: str, case: str, reason: str) -> str:
    """What became of a link; `outcome` as in `bot.ops.add`."""
    match outcome:
        case "added":
            return f"added to {case}"
        case "on_case":
            return f"on {case} already"
        case "not_an_insight":
            return f"not an insight: {reason}"
        case _:
            return f"failed: {reason}"


def not_a_case(typed: str) -> str:
    return f"--case: {typed!r} is no case of ours: give its key, like CASEM-4523, its UUID or its link."


def unknown_case(typed: str) -> str:
    moved = "a case that moved to another project has a new key"
    return f"--case: Datadog knows no case {typed}, or the keys may not see it ({moved})."


def case_forbidden(typed: str, words: str) -> str:
    fix = "check cases_read and the keys' access to its project"
    return f"--case: Datadog does not let the keys see {typed} ({words}); {fix}."


def several_cases(typed: str, orgs: Sequence[str]) -> str:
    return f"--case: {typed} is a case in {', '.join(orgs)}; give its UUID or its link."


def refused(status: int, words: str) -> str:
    """Datadog's refusal of what was sent, or of the case."""
    if status in (401, 403):
        return f"Datadog refused ({status}, {words}): check cases_write and the keys' access to the case's project."
    return "Datadog no longer has the case." if status == 404 else f"Datadog says: '{words}'"
