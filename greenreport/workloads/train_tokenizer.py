"""Train the reference tokenizer once: ``python -m greenreport.workloads.train_tokenizer``.

A byte-level BPE tokenizer with 4,096 entries, trained on the source of the Python standard library. Its file is part of the
package, so that prompt slices and the outputs of untrained models are the same on every machine; training again with another
Python version gives another tokenizer, hence other fingerprints.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from greenreport.workloads.prompts import END_OF_TEXT, TOKENIZER_ENTRIES, TOKENIZER_FILE


def train(folder: Path) -> Tokenizer:
    """Return a tokenizer trained on the Python files directly inside a folder, in the order of their names."""
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
    trained = train(Path(sysconfig.get_path("stdlib")))
    trained.save(str(TOKENIZER_FILE), pretty=False)
    print(f"{TOKENIZER_FILE.name}: {trained.get_vocab_size()} entries, {TOKENIZER_FILE.stat().st_size:,} bytes")
