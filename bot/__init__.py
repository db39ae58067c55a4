"""Case Insights: Datadog links from a Slack thread become insights on the case it is about."""
