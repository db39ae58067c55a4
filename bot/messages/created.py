"""What people are told of a case that somebody wanted created: in the open, or that person alone."""

from dataclasses import dataclass

from bot.messages.blocks import Json, actions, button, context, section
from bot.messages.card_view import Message
from bot.messages.sentences import not_posted, refused_by_datadog
from bot.messages.text import NAME_CHARS, TEXT_CHARS, code, cut_mrkdwn, escape, linked

METADATA_EVENT = "case_insights_new_case"
TITLE_SHOWN = 150


@dataclass(frozen=True, slots=True)
class CreatedCase:
    """A case as it is told: `title` is empty for those who may not see it.

    `thread_ts`: of the thread that the person was in; `tied`: that is tied to it; `stays`: the key of the case that the
    thread is tied to instead.
    """

    key: str
    title: str
    url: str
    thread_ts: str
    tied: bool = False
    stays: str = ""


def metadata(marker: str) -> Json:
    """Metadata of the message, to find it again after a crash."""
    return {"event_type": METADATA_EVENT, "event_payload": {"case": marker}}


def announced(who: str, case: CreatedCase) -> Message:
    """`Ana created CASEM-12, Memory leak, and tied this thread to it.` In a channel its thread is about the case."""
    text = f"{escape(who, NAME_CHARS)} created {_named(case)}"
    if case.tied:
        text += f"{',' if case.title else ''} and tied this thread to it."
        return Message(
            cut_mrkdwn(text, TEXT_CHARS), [context(text), actions("back", button("tie.undo", "Untie", case.thread_ts))]
        )
    text += f". This thread stays tied to {escape(case.stays)}." if case.stays else "."
    if not case.thread_ts:
        text += " This message's thread is about it: Datadog links there are offered."
    return Message(cut_mrkdwn(text, TEXT_CHARS), [context(text)])


def alone(case: CreatedCase, link: str, reason: str) -> Message:
    """The same for the person who created it, where Slack lets the bot say nothing. `link`: of the thread."""
    place = linked(link, "The thread") if link else "The thread"
    tied = f" {place} is tied to it." if case.tied else f" {place} stays tied to {escape(case.stays)}."
    told = f"You created {_named(case)}.{tied if case.tied or case.stays else ''} {not_posted(reason)}."
    return Message(cut_mrkdwn(told, TEXT_CHARS), [section(told)])


def not_created(title: str, typed: str, why: str, link: str) -> Message:
    """To the person who wanted it. `typed`: its description; `why`: sentences of ours; `link`: the thread's address."""
    text = f"The case “{escape(title, TITLE_SHOWN)}”{_from(link)} was not created. {why}"
    kept = [section(f"You had written:\n{code(typed, '```')}")] if typed not in ("", link) else []
    return Message(cut_mrkdwn(text, TEXT_CHARS), [section(text), *kept])


def perhaps_created(title: str, link: str) -> Message:
    """The same where nobody knows."""
    text = (
        f"The case “{escape(title, TITLE_SHOWN)}”{_from(link)} may have been created: Datadog's answer got lost, and "
        "the bot does not find it. Look in Datadog before you create it again."
    )
    return Message(cut_mrkdwn(text, TEXT_CHARS), [section(text)])


def _from(link: str) -> str:
    return f" ({linked(link, 'wanted here')})" if link else ""


def refused(status: int, words: str) -> str:
    """Why Datadog did not create it, and what helps. `words`: its own."""
    says = refused_by_datadog(words)
    if status in (401, 403):
        return f"{says} Ask whoever runs this bot to check `cases_write` and the keys' access to the project."
    return f"{says} Check the title, and whether the project takes this type, and create it again."


def given_up(words: str) -> str:
    """`words`: what it waited for."""
    return f"The bot gave up after many tries: {escape(words)} Create it again when that works."


def description(typed: str, link: str, marker: str) -> str:
    """What stands in the case. `link`: the thread's address, unless only one person can read it."""
    found_by = f"Created from Slack by Case Insights. Reference: {marker}"
    return "\n\n".join(filter(None, [typed, "" if link in typed else f"Slack: {link}", found_by]))


def creating(title: str) -> str:
    """To the person who submitted the form."""
    return f"Creating “{escape(title, TITLE_SHOWN)}”. You hear here, or from the bot alone, what becomes of it."


def _named(case: CreatedCase) -> str:
    key = linked(case.url, case.key) if case.url else escape(case.key)
    return f"{key}, {escape(case.title, TITLE_SHOWN)}" if case.title else key
