"""What the operator configures: the environment, its settings, Datadog's organisations."""


class ConfigError(Exception):
    """The bot cannot work as it is configured; the message names the setting or the file, and the next step."""
