"""The content of a message: `text`, `blocks`, `attachments` and `metadata`, checked as Slack does."""

import json
from dataclasses import dataclass
from typing import Any, cast

from bot.sandbox.slack.blockkit import rules
from bot.sandbox.slack.errors import SlackError, bad_arguments
from bot.sandbox.slack.text import as_kept, links

Json = dict[str, Any]

POSTED_TEXT = 40_000
UPDATED_TEXT = 4_000
"""https://docs.slack.dev/reference/methods/chat.update: longer is `msg_too_long`; chat.postMessage truncates."""
BLOCKS_TEXT = 13_200
"""Of all blocks together: not documented, measured by users (https://github.com/slackapi/bolt-js/issues/2509)."""
METADATA_CHARACTERS = 16_000
MOST_ATTACHMENTS = 100

JSON_ARGUMENTS = ("blocks", "attachments", "metadata", "view")


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one call, from a form, a query or a JSON body; an empty string counts as absent."""

    given: Json

    def has(self, name: str) -> bool:
        return self.given.get(name) not in (None, "")

    def text(self, name: str, default: str = "") -> str:
        return str(self.given[name]) if self.has(name) else default

    def need(self, *names: str) -> tuple[str, ...]:
        """The values of these required arguments. Raises SlackError (`invalid_arguments`) when one is missing."""
        missing = [name for name in names if not self.has(name)]
        if missing:
            raise bad_arguments(*(f"missing required field: {name}" for name in missing))
        return tuple(self.text(name) for name in names)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean, from JSON or a form."""
        return str(self.given.get(name, default)).lower() in ("true", "1")

    def number(self, name: str, default: int, most: int) -> int:
        """A whole number from 1 to `most`. Raises SlackError (`invalid_arguments`)."""
        try:
            number = int(self.given.get(name, default))
        except (TypeError, ValueError) as error:
            raise bad_arguments(f"must be an integer: {name}") from error
        if not 1 <= number <= most:
            raise bad_arguments(f"must be between 1 and {most}: {name}")
        return number


def decoded(given: Json) -> Json:
    """Arguments with those that are JSON in a string (as forms send them) decoded; bad JSON stays a string."""
    return {name: _decode(value) if name in JSON_ARGUMENTS else value for name, value in given.items()}


def _decode(value: Any) -> Any:
    if not isinstance(value, str) or not value:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def content(arguments: Arguments) -> Json:
    """The checked `text`, `blocks`, `attachments` and `metadata` that were given, as Slack keeps them.

    Raises SlackError.
    """
    kept: Json = {"text": as_kept(arguments.text("text"))[:POSTED_TEXT]}
    if arguments.has("blocks"):
        kept["blocks"] = _blocks(arguments.given["blocks"])
    if arguments.has("attachments"):
        kept["attachments"] = _attachments(arguments.given["attachments"])
    if arguments.has("metadata"):
        kept["metadata"] = _metadata(arguments.given["metadata"])
    return kept


def says_nothing(kept: Json) -> bool:
    """Whether there is no text, block or attachment: `no_text`."""
    return not (kept["text"] or kept.get("blocks") or kept.get("attachments"))


def _blocks(given: Any) -> list[Json]:
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in cast(list[Any], given)):
        raise SlackError("invalid_blocks_format")
    blocks = cast(list[Json], given)
    errors = rules.problems(blocks)
    if errors:
        messages = [f"[ERROR] {error}" for error in errors]
        raise SlackError("invalid_blocks", errors=errors, response_metadata={"messages": messages})
    if _characters(blocks) > BLOCKS_TEXT:
        raise SlackError("msg_blocks_too_long")
    return rules.filled_in(blocks)


def _characters(value: Any) -> int:
    """The number of characters of text in these blocks."""
    if isinstance(value, list):
        return sum(_characters(item) for item in cast(list[Any], value))
    if not isinstance(value, dict):
        return 0
    fields = cast(Json, value)
    text: Any = fields.get("text")
    own = len(text) if isinstance(text, str) else 0
    return own + sum(_characters(inner) for inner in fields.values())


def _attachments(given: Any) -> list[Json]:
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in cast(list[Any], given)):
        raise bad_arguments("must provide an array of objects [json-pointer:/attachments]")
    attachments = cast(list[Json], given)
    if len(attachments) > MOST_ATTACHMENTS:
        raise SlackError("too_many_attachments")
    for attachment in attachments:
        if "blocks" in attachment:
            _blocks(attachment["blocks"])
    return [{"id": number, **attachment} for number, attachment in enumerate(attachments, 1)]


def _metadata(given: Any) -> Json:
    """`{event_type, event_payload}`; an empty object removes earlier metadata (chat.update)."""
    if not isinstance(given, dict):
        raise SlackError("invalid_metadata_format")
    metadata = cast(Json, given)
    if not metadata:
        return {}
    shape = isinstance(metadata.get("event_type"), str) and isinstance(metadata.get("event_payload"), dict)
    if not shape or set(metadata) - {"event_type", "event_payload", "entities"}:
        raise SlackError("invalid_metadata_format")
    if len(json.dumps(metadata["event_payload"])) > METADATA_CHARACTERS:
        raise SlackError("metadata_too_large")
    return metadata


def previews(message: Json) -> list[Json]:
    """The attachments that Slack adds for the links of a message (`from_url`)."""
    urls = links(message.get("text", ""))
    for block in message.get("blocks", []):
        texts = [block.get("text"), *block.get("fields", [])]
        urls += [url for text in texts if isinstance(text, dict) for url in _links_of(cast(Json, text))]
    return [
        {"id": number, "from_url": url, "original_url": url, "title": url, "title_link": url, "fallback": url}
        for number, url in enumerate(dict.fromkeys(urls), 1)
    ]


def _links_of(text: Json) -> list[str]:
    return links(text["text"]) if text.get("type") == "mrkdwn" else []
