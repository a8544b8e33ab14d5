"""The reference tokenizer: byte-level BPE with 4,096 entries, trained once on the source of the Python standard library.

Its file is part of the package, so that prompt slices and the outputs of untrained models are the same on every machine.
``python -m greenreport.models.tokenizer`` trains it again; another Python version gives another tokenizer, hence other fingerprints.
"""

from __future__ import annotations

import sysconfig
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER_FILE = Path(__file__).with_name("tokenizer.json")
TOKENIZER_SHA256 = "622e17dc19046f60e3220d19626a750635a8795f2767f11c7b768f520eebef6c"
TOKENIZER_ENTRIES = 4096
END_OF_TEXT = "<|endoftext|>"


@cache
def reference_tokenizer() -> Tokenizer:
    """Return the tokenizer shipped with greenreport."""
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(TOKENIZER_FILE))


def train(folder: Path) -> Tokenizer:
    """Return a tokenizer trained on the Python files directly inside a folder, in the order of their names."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENIZER_ENTRIES,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (path.read_text(encoding="utf-8", errors="ignore") for path in sorted(folder.glob("*.py")))
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


if __name__ == "__main__":
    train(Path(sysconfig.get_path("stdlib"))).save(str(TOKENIZER_FILE), pretty=False)
