"""The order in which the runs of a study are made: its designs, and the sequence of each block."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import Field

from greenreport.study.field_types import Seed, Spec
from greenreport.units import counted


class Order(Spec):
    """Order of the runs."""

    design: Literal["randomized_complete_blocks", "williams", "fixed"] = Field(
        "randomized_complete_blocks",
        description="each repetition is a block with every cell once: in random order; in the sequences of a Williams design, in which "
        "every cell follows every other equally often; or as listed",
    )
    seed: Seed = 0

    @property
    def words(self) -> str:
        """The design in words."""
        if self.design == "fixed":
            return "fixed, as listed"
        blocks = "randomised complete blocks" if self.design == "randomized_complete_blocks" else "blocks in a Williams design"
        return f"{blocks} (seed {self.seed})"

    def balance(self, cells: int, repetitions: int) -> str:
        """Return the design in words, and whether the repetitions complete a Williams design."""
        if self.design != "williams":
            return self.words
        after = _sequences(cells)
        done = "which the planned ones complete" if repetitions % after == 0 else f"{repetitions} are planned"
        return f"{self.words}: {counted(cells, 'cell')} are balanced for the run before after every {counted(after, 'repetition')}, {done}"

    def blocks(self, keys: Sequence[str], repetitions: int) -> Iterator[list[int]]:
        """Yield, for each repetition, the places of the cells in `keys` in the order of their runs.

        Args:
            keys: readable identities of the cells.
        """
        for repetition in range(1, repetitions + 1):
            match self.design:
                case "fixed":
                    yield list(range(len(keys)))
                case "williams":
                    yield self._williams(keys, repetition)
                case _:  # by a digest of each cell, so that added cells move no other
                    yield self._shuffled([f"{repetition}:{key}" for key in keys])

    def _williams(self, keys: Sequence[str], repetition: int) -> list[int]:
        """Return a sequence of a Williams design (Williams 1949, Australian Journal of Scientific Research A 2).

        The cells get their letters, and the sequences their order, by the seed. One square of k sequences balances an even number
        of cells for what the run before leaves behind; an odd number takes a second square, the mirror image of the first.
        """
        k, sequences = len(keys), _sequences(len(keys))
        cycle, place = divmod(repetition - 1, sequences)
        letters = self._shuffled([f"letter:{key}" for key in keys])
        sequence = self._shuffled([f"sequence:{cycle}:{number}" for number in range(sequences)])[place]
        mirrored, shift = divmod(sequence, k)
        zigzag = [step // 2 + 1 if step % 2 else (k - step // 2) % k for step in range(k)]  # 0, 1, k − 1, 2, k − 2, …
        return [letters[(step + shift) % k] for step in (reversed(zigzag) if mirrored else zigzag)]

    def _shuffled(self, texts: Sequence[str]) -> list[int]:
        """Return the places of texts in an order that the seed decides."""
        return sorted(range(len(texts)), key=lambda i: hashlib.sha256(f"{self.seed}:{texts[i]}".encode()).digest())


def _sequences(cells: int) -> int:
    """Return after how many repetitions every cell has followed every other equally often in a Williams design."""
    return cells if cells % 2 == 0 else 2 * cells
