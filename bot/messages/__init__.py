"""Every word the bot says, as Block Kit.

The laws: a card is a function of its insights; everything from outside is `plain_text` or escaped, so a monitor
called `<!channel>` pings nobody; `text` alone is a whole sentence, because notifications have only that.
"""

from bot.messages import replies
from bot.messages.announcements import mode_set, tied, untied
from bot.messages.cards import METADATA_EVENT, card, late_failure, metadata
from bot.messages.questions import Choice, Question, question
from bot.messages.sentences import (
    already_answered,
    case_gone,
    commented,
    credentials,
    gave_up,
    gone_card,
    home_needs_scopes,
    late_click,
    modal_changed,
    no_links,
    not_answering,
    not_opened,
    not_saved,
    not_this_workspace,
    nothing_left,
    nothing_ticked,
    org_gone,
    other_sites,
    partly_late,
    permission,
    rate_limited,
    refused,
    refused_by_datadog,
    retried,
    settings_of,
    went_wrong,
)
from bot.messages.text import clock, cut, escape, insights
from bot.messages.view import TYPE_NAMES, Card, Item, Message, Source, Waiting, label
from bot.messages.why import why_text

__all__ = [
    "METADATA_EVENT",
    "TYPE_NAMES",
    "Card",
    "Choice",
    "Item",
    "Message",
    "Question",
    "Source",
    "Waiting",
    "already_answered",
    "card",
    "case_gone",
    "clock",
    "commented",
    "credentials",
    "cut",
    "escape",
    "gave_up",
    "gone_card",
    "home_needs_scopes",
    "insights",
    "label",
    "late_click",
    "late_failure",
    "metadata",
    "modal_changed",
    "mode_set",
    "no_links",
    "not_answering",
    "not_opened",
    "not_saved",
    "not_this_workspace",
    "nothing_left",
    "nothing_ticked",
    "org_gone",
    "other_sites",
    "partly_late",
    "permission",
    "question",
    "rate_limited",
    "refused",
    "refused_by_datadog",
    "replies",
    "retried",
    "settings_of",
    "tied",
    "untied",
    "went_wrong",
    "why_text",
]
