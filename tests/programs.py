"""Programs kept as text, such as solutions of problems and their tests, loaded as modules."""

from __future__ import annotations

from importlib.abc import InspectLoader
from types import ModuleType


class TextLoader(InspectLoader):
    """Runs some text as the source of a module."""

    def __init__(self, text: str) -> None:
        """Keep the text of the module."""
        self.text = text

    def get_source(self, fullname: str) -> str:
        """Return the text, whatever the module is called."""
        return self.text


def load_program(text: str) -> ModuleType:
    """Return a module made of some text that we wrote ourselves."""
    module = ModuleType("program")
    TextLoader(text).exec_module(module)
    return module
