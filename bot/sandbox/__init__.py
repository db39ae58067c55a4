"""A small, strict Slack and Datadog on this machine. They follow the public APIs and know nothing of the bot."""
