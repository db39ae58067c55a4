"""Making Datadog and Slack show what the store says.

The law: whatever needs the network is a job, claimed for a lease, finished or tried again later; what is written
after a call is written only while the lease still holds. So a process may die anywhere and nothing is lost.
"""
