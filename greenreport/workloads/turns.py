"""Conversations: prompts of a chat with all that was said before, as a file of prompts scripts it.

::

    {"turns": ["Name a river.", "The Danube.", "Where does it end?"]}

User and assistant take turns, the user first and last. Each turn of the user is a prompt of its own, with everything before it. What the
assistant said is part of the script and no answer of the model, so that every configuration reads the same text whatever it answers.
A prompt with a history is one text, the JSON of its turns, so that it is digested, stored and compared as any other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

#: How the text of a prompt with a history begins.
MARK = '{"turns":['
MOST_TURNS = 1000


def problem_of(turns: object) -> str | None:
    """Return what is wrong with the turns of a row, or None."""
    if not isinstance(turns, list) or not all(isinstance(turn, str) and turn.strip() for turn in turns):
        return "`turns` is a list of non-empty texts, of user and assistant in turn"
    if len(turns) % 2 == 0:
        return "`turns` begins and ends with the user, so their number is odd"
    return f"`turns` holds more than {MOST_TURNS:,} texts" if len(turns) > MOST_TURNS else None


def prompts_of(turns: Sequence[str]) -> Iterator[str]:
    """Yield the text of a prompt for each turn of the user."""
    for end in range(1, len(turns) + 1, 2):
        yield turns[0] if end == 1 else json.dumps({"turns": turns[:end]}, ensure_ascii=False, separators=(",", ":"))


def has_history(prompt: str) -> bool:
    """Return whether a prompt is the text of a conversation."""
    return prompt.startswith(MARK)


def turns_of(prompt: str) -> list[str]:
    """Return the turns of a prompt: one where it has no history."""
    return list(json.loads(prompt)["turns"]) if has_history(prompt) else [prompt]


def messages(prompt: str, system: str | None) -> list[dict[str, str]]:
    """Return the messages of a chat request."""
    roles = ("user", "assistant")
    said = [{"role": roles[place % 2], "content": turn} for place, turn in enumerate(turns_of(prompt))]
    return [*([] if system is None else [{"role": "system", "content": system}]), *said]


def in_words(prompt: str) -> str:
    """Return a prompt as people read it: with who says what, where it has a history."""
    if not has_history(prompt):
        return prompt
    return "\n".join(f"{('User', 'Assistant')[place % 2]}: {turn}" for place, turn in enumerate(turns_of(prompt)))
