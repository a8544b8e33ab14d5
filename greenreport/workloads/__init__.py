"""Prompts, schedules of requests and the client that sends them."""
