"""Block Kit's rules, as Slack's reference pages state them."""
