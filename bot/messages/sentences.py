"""Sentences said to one person, and reasons that stand on a card."""

from collections.abc import Mapping, Sequence

from bot.messages.text import clock, cut, escape, insights
from bot.messages.view import label, listed
from bot.model import CardItem, State
from bot.policy import Refusal


def nothing_ticked() -> str:
    return "Tick at least one, or press Dismiss."


def late_click(names: Mapping[str, str], decided: Sequence[CardItem]) -> str:
    """To someone whose click came second: who was first, and that nothing is left to do."""
    first = decided[0]
    if first.state is State.WITHDRAWN:
        return f"The links were taken back at {clock(first.at)}. Nothing to do."
    verb = {State.DISMISSED: "dismissed", State.UNDONE: "removed"}.get(first.state, "added")
    who = escape(names.get(first.by or "", "Someone"))
    return f"{who} already {verb} {'these' if len(decided) > 1 else 'this'} at {clock(first.at)}. Nothing to do."


def nothing_left() -> str:
    """To someone who pressed Retry, Cancel or Undo when it was too late for that."""
    return "Nothing was changed: somebody was faster, or it is done already. The card shows how it stands."


def partly_late(names: Mapping[str, str], decided: Sequence[CardItem], done: int, case_key: str) -> str:
    """To someone whose click got some of what was ticked, because others were decided first."""
    who = escape(names.get(decided[0].by or "", "Someone"))
    return (
        f"Adding {insights(done)} to {escape(case_key)}. {who} already decided on {listed(decided)} "
        f"at {clock(decided[0].at)}."
    )


def already_answered(who: str, tied_to: str | None) -> str:
    """To someone who answered a question that was answered already."""
    said = f"tied this thread to {escape(tied_to)}" if tied_to else "said that this thread is about none of these"
    return f"{escape(who)} already {said}. Nothing to do."


def gone_card() -> str:
    return "This card is not in the bot's database any more. Paste the link again to get a new one."


def refused(refusal: Refusal, home: str, case_key: str) -> str:
    """Why someone's click changed nothing, and what to do."""
    if refusal is Refusal.NOT_A_MEMBER:
        return (
            f"Only full members of {escape(home)} can change {escape(case_key)}. Ask one of them to press Add to case."
        )
    if refusal is Refusal.NOT_NAMED:
        return (
            f"Only people whom this bot's operator has named (CASE_INSIGHTS_CONFIRMERS) can change {escape(case_key)}. "
            "Ask one of them to press it."
        )
    return (
        f"Slack did not say who you are just now, so {escape(case_key)} was not changed. "
        "Wait a minute and press it again."
    )


def not_told(home: str) -> str:
    """To a guest or a stranger who asks what the bot knows, or somebody of whom Slack says nothing."""
    return f"Only full members of {escape(home)}, as Slack tells, are told about cases here."


def org_gone(org: str) -> str:
    """Why what was confirmed waits whose organisation the operator has taken out."""
    return f"The bot has no keys for the Datadog organisation {escape(org)} any more (CASE_INSIGHTS_ORGS_FILE)."


def not_here() -> str:
    """In a workspace that the bot does not work for."""
    return "Case Insights does not work in this workspace (any more). Ask whoever runs it to allow and install it here."


def not_this_workspace(what: str, org: str) -> str:
    """To someone in a workspace that may not use the case's Datadog organisation, or that organisation is gone."""
    return (
        f"{escape(what)} belongs to the Datadog organisation {escape(org)}, which this bot does not use from this "
        "workspace, so nothing was changed. Ask whoever runs the bot (CASE_INSIGHTS_ORGS_FILE)."
    )


def settings_of(thread_ts: str) -> str:
    """What somebody wanted to change who set a mode or untied: stands where else a case's key does."""
    return "this thread's settings" if thread_ts else "this channel's settings"


def retried(count: int) -> str:
    return f"Trying {insights(count)} again. The cards show how it goes." if count else "There was nothing to retry."


def home_needs_scopes() -> str:
    return (
        "What is tied and added in your channels is not shown, because the Slack app lacks the optional scopes "
        "`channels:read` and `groups:read`. Whoever runs this bot can add them on the app's page, OAuth & Permissions."
    )


def no_links() -> str:
    return "This message holds no Datadog link, and none of a code change. Choose a message that has one."


def not_opened() -> str:
    return "Slack did not open the form in time. Press it again."


def commented(state: str, case_key: str) -> str:
    """What became of the comment that somebody wanted on a case; `state` as the store has it."""
    if state == "done":
        return f"The comment with the links is on {escape(case_key)}."
    if state == "unknown":
        return (
            f"Whether the comment reached {escape(case_key)} is not known, for Datadog's answer got lost. Look at the "
            "case: the bot does not send it again, because it could then stand there twice."
        )
    return f"Datadog refused the comment, so it is not on {escape(case_key)}. Add it there by hand."


def modal_changed(decided: Sequence[tuple[CardItem, str]]) -> str:
    """What others decided on while somebody filled in the form, with who."""
    verbs = {State.DISMISSED: "dismissed", State.UNDONE: "removed", State.WITHDRAWN: "took back the link of"}
    lines = [
        f"{who or 'Somebody'} {verbs.get(item.state, 'added')} {cut(label(item), 120)} meanwhile."
        for item, who in decided
    ]
    return " ".join([*lines[:8], "Press Add again to add what is ticked all the same."])


def not_saved() -> str:
    return "Not saved: the bot could not write to its database. Nothing was changed; try again in a moment."


def went_wrong(reference: str) -> str:
    return (
        "Something went wrong here, and nothing was changed. Try again; "
        f"if it stays, tell whoever runs this bot: ref {reference}."
    )


def permission(status: int, case_key: str, reference: str) -> str:
    return (
        f"Datadog refused ({status}): {escape(case_key)} was not changed. Ask whoever runs this bot to check "
        f"`cases_write` and the project's access (ref {reference})."
    )


def refused_by_datadog(words: str) -> str:
    return f"Datadog says: '{escape(cut(words, 300))}'"


def case_gone(case_key: str) -> str:
    return f"Datadog has no case {escape(case_key)} any more: it was deleted. Tie the thread to another case."


def gave_up(hours: float, words: str) -> str:
    return f"Given up after {hours:g} h: {escape(words)} Press Retry when it works again."


def not_answering(status: int | None) -> str:
    return f"Datadog is not answering ({status})." if status else "Datadog is not answering."


def other_sites(seen: Sequence[str], ours: Sequence[str]) -> str:
    """Links lead to Datadog sites where the bot works with no organisation; both by their site parameters."""
    return (
        f"Links to {', '.join(seen)} were pasted lately, but this bot works with {', '.join(ours)} and passes them "
        "over. If they are your organisation's, whoever runs the bot has to set DD_SITE to their site."
    )


def rate_limited() -> str:
    return "Datadog asks the bot to slow down (429)."


def credentials() -> str:
    return "Datadog does not accept the bot's keys; whoever runs it has to renew them."
