"""Slack: the calls we make, and the two ways it reaches us."""
