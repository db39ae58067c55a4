"""What Slack tells us: unpack, ask the core, commit, acknowledge.

The law: Slack's 200 means committed. A listener that fails answers 500 (no acknowledgement in Socket Mode), and Slack
sends the event again.
"""
