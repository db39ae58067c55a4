"""Slack and Datadog, small and strict, on this machine: what their public APIs say, and nothing of the bot."""
