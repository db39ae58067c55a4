"""Datadog: the calls we make, and what insights are called there."""
