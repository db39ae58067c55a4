"""What is checked before anything is changed: who asks, and which case they mean."""

from collections.abc import Collection

from bot.commands import CaseReference
from bot.links import Permalink
from bot.messages import replies
from bot.model import Case, Thread
from bot.services.cases import find, names_of
from bot.services.context import PERSON_WITHIN, Context
from bot.slack.errors import SlackTransient
from bot.slack.json import Json


class UserError(Exception):
    """Ends what a person asked for; its sentence is for them."""


async def permit(context: Context, workspace: str, user: str, what: str, *, org: str | None = None) -> None:
    """Raise UserError unless this person may change `what`, a case of `org` or something else."""
    if refused := await context.refused(workspace, user, what, org=org):
        raise UserError(refused)


async def in_channels(
    context: Context, workspace: str, user: str, channels: Collection[str], *, was_there: bool = False
) -> None:
    """Raise UserError unless Slack shows that this person is in all of these channels with the bot, now.

    `was_there`: they began there a moment ago, which is enough where the app lacks the scopes to ask.
    """
    if not channels:
        return
    try:
        theirs = await (await context.slack(workspace)).channels_of(user)
    except SlackTransient as error:
        raise UserError(replies.SLACK_DOWN) from error
    if theirs is None and was_there:
        return
    if theirs is None or not theirs.issuperset(channels):
        raise UserError(replies.NOT_SEEN_BY_YOU)


async def not_outside(context: Context, workspace: str, user: str, channel: str) -> None:
    """Raise UserError where what this person does would be shown in a channel with the bot that they are not in.

    Where the bot is not, either, it is shown to them alone; and so it is allowed where the app lacks the scopes to ask.
    """
    slack = await context.slack(workspace)
    try:
        theirs = await slack.channels_of(user)
    except SlackTransient as error:
        raise UserError(replies.SLACK_DOWN) from error
    if theirs is not None and channel not in theirs and await slack.is_in(channel, within=PERSON_WITHIN):
        raise UserError(replies.NOT_SEEN_BY_YOU)


async def message_at(context: Context, workspace: str, address: Permalink) -> tuple[Thread, Json]:
    """The message with this address and the thread that it is in; raises UserError where Slack has none.

    The address of a reply may lack its thread, and Slack would post what belongs to a thread that is gone in the open.
    """
    slack = await context.slack(workspace)
    message = await slack.message(Thread(workspace, address.channel, address.thread_ts), address.ts)
    if message is None:
        raise UserError(replies.NO_SUCH_MESSAGE)
    return Thread(workspace, address.channel, str(message.get("thread_ts") or message["ts"])), message


async def named_case(context: Context, workspace: str, reference: CaseReference) -> Case:
    """The one case that a person names; raises UserError where there is none, or more than one."""
    names = names_of(context, workspace, reference)
    if not names:
        raise UserError(replies.not_a_case(reference.typed))
    known = await find(context, names)
    if not known:
        raise UserError(replies.unknown_case(names[0].case))
    if len(known) > 1:
        raise UserError(replies.several_cases(known[0].key, [case.org for case in known]))
    return known[0]
