"""What happens when people or Slack ask for something: each service decides, and commits one transaction."""
