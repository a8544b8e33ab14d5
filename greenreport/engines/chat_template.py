"""Conversations as text: the chat template that comes with a model, rendered.

A template is a Jinja program of somebody else. transformers renders it in a sandbox that reaches nothing outside and changes nothing; what it
raises is an error of the model, as a sentence. How long it may take is the caller's matter, since nothing in the same thread can stop it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from greenreport.engines.base import COMPLETE_INSTEAD, Message
from greenreport.errors import ModelUnavailable

#: What templates that write today's date are told, so that a prompt is the same on every day.
TODAY = datetime(2024, 7, 26, tzinfo=UTC)
LONGEST_CHARACTERS = 10_000_000
LONGEST_CAUSE = 200


def rendered(tokenizer: Any, messages: Sequence[Message]) -> str:
    """Return a conversation as its model's template writes it, up to where the answer begins.

    Raises:
        ModelUnavailable: there is no template, or it does not take these messages.
    """
    if not tokenizer.chat_template:
        raise ModelUnavailable("the model has no chat template", COMPLETE_INSTEAD)
    conversation = [{"role": message.role, "content": message.content} for message in messages]
    try:
        text = str(
            tokenizer.apply_chat_template(conversation, tokenize=False, add_generation_prompt=True, strftime_now=TODAY.strftime)
        )
        text.encode()
    except Exception as error:
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_CAUSE]
        raise ModelUnavailable(f"the model's chat template does not take the messages ({cause})", COMPLETE_INSTEAD) from None
    if not text or len(text) > LONGEST_CHARACTERS:
        raise ModelUnavailable(f"the model's chat template makes {len(text):,} characters of the messages", COMPLETE_INSTEAD)
    return text
