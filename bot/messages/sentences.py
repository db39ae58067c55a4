"""Sentences for one person, and reasons on a card."""

from collections.abc import Mapping, Sequence
from typing import assert_never

from bot.messages.card_view import label, listed
from bot.messages.replies import see
from bot.messages.text import WORDS_CHARS, clock, cut, escape, insights
from bot.model import CardItem, State
from bot.policy import Refusal

SHARED = "shared_channel"
"""Our own reason: in such a channel the operator wants nothing said in the open."""
EVENTS_DROPPED = (
    "Slack dropped events in the last hour, because there were more than 30,000: links of that time may be missing. "
    "@Case Insights scan reads a thread again."
)
NOTHING_TICKED = "Tick at least one, or press Dismiss."
NOTHING_WAS_ADDED = "Nothing was added."
OTHER_WORKSPACE = "This form was opened in another workspace. Open it again: ⋯ on the message, Add to case."
GONE_CARD = "The bot no longer has this card. Paste the link again to get a new one."
NOT_HERE = (
    "Case Insights is not set up in this workspace (any more). Ask whoever runs this bot to allow and install it here."
)
NOT_OPENED = "Slack did not open the form in time. Press it again."
NOT_CERTAIN = (
    "It is not certain whether this was saved: look in the thread, or ask for the status, before you try again."
)
NOT_SAVED = "Not saved: the bot could not write to its database. Nothing was changed; try again in a moment."
RATE_LIMITED = "Datadog asks the bot to slow down (429)."
NOT_LISTED = "Datadog does not say what is on the case."
CREDENTIALS = "Datadog does not accept the bot's keys; whoever runs this bot has to renew them."
HOME_NEEDS_SCOPES = (
    "Ties and insights in your channels are not shown: the Slack app lacks the optional scopes `channels:read` and "
    "`groups:read`. Whoever runs this bot can add them on the app's page, OAuth & Permissions."
)


def no_links(refused: str) -> str:
    """Why a message gives nothing to add; `refused`: why the first link of Datadog in it cannot be added, if any."""
    if refused:
        return f"This message has nothing that can go on a case. {refused}"
    return "This message has no link to Datadog or to a code change. Choose one that has."


_DID = {
    State.DISMISSED: "dismissed",
    State.UNDONE: "removed",
    State.UNDOING: "chose to remove",
    State.ADDED: "added",
} | dict.fromkeys((State.OFFERED, State.CONFIRMED, State.FAILED), "pressed Add for")


def late_click(names: Mapping[str, str], decided: Sequence[CardItem], card: str = "") -> str:
    """To someone whose click came second: who was first; `card`: a link to where it is shown, if it is."""
    first = decided[0]
    if first.state is State.WITHDRAWN:
        why = "the links left their messages, or the case changed"
        return f"This is not offered any more since {clock(first.at)}: {why}. Nothing to do."
    who = escape(names.get(first.by or "", "Someone"))
    end = f"It could not be added.{see(card)}" if first.state is State.FAILED else "Nothing to do."
    return f"{who} already {_DID[first.state]} {'these' if len(decided) > 1 else 'this'} at {clock(first.at)}. {end}"


def partly_late(names: Mapping[str, str], decided: Sequence[CardItem], done: int, case_key: str, notes: int = 0) -> str:
    """To someone whose click added a part of what was ticked, `notes` among it: others decided on the rest first."""
    who = escape(names.get(decided[0].by or "", "Someone"))
    adding = f"Adding {insights(done, notes)} to {escape(case_key)}."
    return f"{adding} {who} already decided on {listed(decided)} at {clock(decided[0].at)}."


def nothing_left(card: str, *, continued: bool) -> str:
    """To someone whose click changed nothing; `card`: a link to it, or to the one that took over from it."""
    if continued and card:
        return f"Nothing was changed: what was undecided here is now on {card} below. Press the button there."
    return f"Nothing was changed: somebody was faster, or it is already done.{see(card)}"


def already_answered(who: str, tied_to: str | None) -> str:
    """To someone who answers a question after somebody else."""
    answer = f"tied this thread to {escape(tied_to)}" if tied_to else "said that this thread is about none of these"
    return f"{escape(who)} already {answer}. Nothing to do."


def refused(refusal: Refusal, home: str, case_key: str) -> str:
    """Why someone's click changed nothing, and what to do."""
    case = escape(case_key)
    match refusal:
        case Refusal.NOT_A_MEMBER:
            return f"Only full members of {escape(home)} can change {case}. Ask one of them to press Add to case."
        case Refusal.NOT_NAMED:
            named = "people named by whoever runs this bot (CASE_INSIGHTS_CONFIRMERS)"
            return f"Only {named} can change {case}. Ask one of them to press it."
        case Refusal.UNKNOWN:
            return f"Slack did not say who you are, so {case} was not changed. Wait a minute and press it again."
        case _:
            assert_never(refusal)


def not_told(home: str) -> str:
    """To a guest or a stranger who asks what the bot knows, or to somebody whom Slack does not describe."""
    members = f"Only full members of {escape(home)} can see cases here"
    return f"{members}, and Slack does not confirm that you are one. If you are, try again in a minute."


def not_posted(reason: str) -> str:
    """Why a card is in somebody's direct messages; `reason`: Slack's word, or ours."""
    if reason == SHARED:
        return "Shown here alone, because other organisations read that channel"
    if reason in ("not_in_channel", "channel_not_found"):
        return "Shown here, because the bot is not in that channel: type `/invite @Case Insights` there"
    if reason == "thread_not_found":
        return "Shown here, because that thread is gone"
    return f"Shown here, because Slack did not let the bot post it there ({escape(reason)})"


def org_gone(org: str) -> str:
    """Why confirmed insights wait: the operator has removed their organisation."""
    return f"The bot no longer has keys for the Datadog organisation {escape(org)} (CASE_INSIGHTS_ORGS_FILE)."


def not_this_workspace(what: str, org: str) -> str:
    """To someone whose workspace may not use the case's Datadog organisation, or that organisation is gone."""
    return (
        f"{escape(what)} belongs to the Datadog organisation {escape(org)}, which this bot does not use from this "
        "workspace, so nothing was changed. Ask whoever runs this bot (CASE_INSIGHTS_ORGS_FILE)."
    )


def settings_of(thread_ts: str) -> str:
    """What a refusal to change a mode or a tie names, where others name a case by its key."""
    return "this thread's settings" if thread_ts else "this channel's settings"


def retried(count: int) -> str:
    return (
        f"Trying {insights(count, notes=count)} again. Open this page again to see the result."
        if count
        else "Nothing to retry."
    )


def no_comment(case_key: str) -> str:
    """Why a link was not added, or could not be taken off: the comment that would hold it is gone for good."""
    return (
        f"Somebody deleted the bot's comment on {escape(case_key)}, so it writes none there for this thread again. "
        "Add the link there by hand."
    )


def comments_off() -> str:
    return "The bot writes no comments on cases now (CASE_INSIGHTS_COMMENT). Add the link there by hand."


def comment_full(most: int) -> str:
    return f"The bot's comment on the case has room for {most} links, and is full. Add the link there by hand."


def comment_refused(status: int, case_key: str, reference: str) -> str:
    return (
        f"Datadog refused ({status}) the comment on {escape(case_key)} that holds links. Ask whoever runs this bot to "
        f"check `cases_write` and the project's access (ref {reference})."
    )


def modal_changed(decided: Sequence[tuple[CardItem, str]]) -> str:
    """Who decided on what while somebody filled in the form."""
    lines = [
        f"{cut(label(item), 120)} is not offered any more."
        if item.state is State.WITHDRAWN
        else f"{who or 'Somebody'} {_DID[item.state]} {cut(label(item), 120)} meanwhile."
        for item, who in decided[:8]
    ]
    return " ".join([*lines, "Press Add again to add what is ticked anyway."])


def failed_here(reference: str) -> str:
    """Of work that nobody waits for at this moment."""
    return f"Something went wrong ({reference})."


def went_wrong(reference: str) -> str:
    look = "It is not certain whether anything was changed: look before you try again."
    return f"Something went wrong here. {look} If it happens again, tell whoever runs this bot: ref {reference}."


def permission(status: int, case_key: str, reference: str) -> str:
    return (
        f"Datadog refused ({status}): {escape(case_key)} was not changed. Ask whoever runs this bot to check "
        f"`cases_write` and the project's access (ref {reference})."
    )


def refused_by_datadog(words: str) -> str:
    return f"Datadog says: '{escape(words, WORDS_CHARS)}'"


def case_gone(case_key: str) -> str:
    return f"Datadog no longer has case {escape(case_key)}: it was deleted. Tie the thread to another case."


def gave_up(hours: float, words: str) -> str:
    return f"Given up after {hours:g} h: {escape(words)} Press Retry when it works again."


def not_answering(status: int | None) -> str:
    if status and status < 300:
        return f"Datadog's answer ({status}) cannot be read."
    return f"Datadog is not answering ({status})." if status else "Datadog is not answering."


def may_be_on_case(case_key: str) -> str:
    return f"Datadog does not say whether this is on {escape(case_key)}: look there, and press Retry if it is missing."


def other_sites(seen: Sequence[str], ours: Sequence[str]) -> str:
    """Links lead to Datadog sites without an organisation of ours; both by their site parameters."""
    return (
        f"Recent links lead to {', '.join(seen)}, but this bot works with {', '.join(ours)} and ignores them. "
        "If they are your organisation's, whoever runs this bot has to set DD_SITE to their site."
    )
