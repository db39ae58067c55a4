"""Slack: the calls we make, and the two ways in which it reaches us."""
