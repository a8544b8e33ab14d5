"""Prompts and the client that sends them."""
