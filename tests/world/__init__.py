"""The world as it is: what Slack, Datadog and people really send, with its source in words and what must come of it.

A row here is how such bugs get mended: first the input as it was seen, then the code.
"""
