"""What the bot is told from outside: the environment, its settings, Datadog's organisations."""
