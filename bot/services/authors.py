"""Who is behind a message: whose rights count, who is told of, and what of it they wrote themselves."""

from typing import Any

from bot.policy import app_as, person_behind
from bot.slack.json import as_object, as_objects

Json = dict[str, Any]

_OF_APPS = ("bot_id", "app_id", "bot_profile")


def person_of(message: Json) -> str | None:
    """The person who posted a message, whose rights count; None: an app posted it, in whoever's name.

    A workflow's post has a `bot_id`; an e-mail's and a reminder's `user` is Slackbot.
    """
    by_app = message.get("subtype") == "bot_message" or any(message.get(name) for name in _OF_APPS)
    return person_behind(message.get("user") or None, by_app=by_app)


def author_of(message: Json) -> str | None:
    """The person who posted a message, else the app; None: a workflow, which can say what anybody typed into it."""
    is_workflow = message.get("workflow_id") or as_object(message.get("bot_profile")).get("is_workflow_bot")
    return person_of(message) or (None if is_workflow else app_as(message.get("bot_id"), message.get("user")))


def own_part(message: Json, person: str | None) -> Json:
    """What this person wrote of a message themselves: without what they forward, quote, or share of somebody else.

    Slack names the author of each attachment and the owner of each file (docs.slack.dev/reference/objects/file-object);
    where it does not, it is not this person's. An e-mail is its sender's, whoever shares it.
    """
    if person is None or not (message.get("attachments") or message.get("files")):
        return message
    attachments = as_objects(message.get("attachments"))
    attachments = [own_part(part, person) for part in attachments if part.get("author_id") == person]
    own = [file for file in as_objects(message.get("files")) if file.get("user") == person]
    files = [file for file in own if "email" not in (file.get("mode"), file.get("filetype"))]
    return {**message, "attachments": attachments, "files": files}
