"""Authorizing subscriptions and users: authorizers, HTTP endpoints, and the tasks that call them."""
