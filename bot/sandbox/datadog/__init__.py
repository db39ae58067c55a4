"""The sandbox's Datadog."""
