"""Models of true shape with seeded random weights, in seconds.

Weights follow one recipe (`plan.UNTRAINED_RECIPE`): every linear layer is normal with standard deviation 2/√fan_in, every embedding
0.02, biases 0. Outputs are then varied and their largest logit is well separated, so comparing engines token by token is meaningful.
Energy and time depend on the shape, not on these values, when output length is exact.

transformers fills every weight with random numbers first, which takes most of the time of a model and none of which the recipe keeps.
They are left out: memory that nobody has written takes neither time nor place. Where an architecture has a weight that the recipe does not
know and that transformers draws, the model is made with its random numbers, so that the same seed always gives the same weights.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from greenreport.errors import ModelUnavailable
from greenreport.models.tokenizer import TOKENIZER_ENTRIES
from greenreport.study import Model

GAIN = 2.0
EMBEDDING_STD = 0.02


def untrained_model(model: Model) -> Any:
    """Return the transformers model of an architecture in float32, with the weights of the recipe.

    Raises:
        ModelUnavailable: transformers does not know the architecture, or the tokenizer has more entries than its vocabulary.
    """
    config = _config(model)
    draws = _LeftOutDraws()
    with draws:
        made = _constructed(config)
    filled = initialise(made, model.seed)
    kept = {_place(tensor) for tensor in made.state_dict().values()}
    if draws.elsewhere or (draws.left_out.keys() & kept) - filled:
        del made
        made = _constructed(config, model.seed)
        initialise(made, model.seed)
    return made


def _constructed(config: Any, seed: int | None = None) -> Any:
    """Return a model as transformers makes it; `seed`: of the random numbers it draws."""
    if seed is not None:
        torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(config, dtype=torch.float32, trust_remote_code=False).eval()


class _LeftOutDraws(TorchDispatchMode):  # type: ignore[misc]
    """Leaves tensors as they are that would be filled with random numbers.

    Attributes:
        left_out: their memory by where it begins, kept so that no other tensor begins there.
        elsewhere: whether random numbers were drawn in a way that cannot be left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.left_out: dict[int, torch.UntypedStorage] = {}
        self.elsewhere = False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags:
            if func.overloadpacket.__name__.endswith("_"):
                self.left_out[_place(args[0])] = args[0].untyped_storage()
                return args[0]
            self.elsewhere = True
        operation: Callable[..., Any] = func
        return operation(*args, **(kwargs or {}))


def _place(tensor: torch.Tensor) -> int:
    return int(tensor.untyped_storage().data_ptr())


def initialise(model: Any, seed: int) -> set[int]:
    """Give a model the weights of the recipe; return where the memory of those it fills begins."""
    generator = torch.Generator().manual_seed(seed)
    shared = model.get_input_embeddings().weight
    filled = set()
    with torch.no_grad():
        for name, module in model.named_modules():
            weight: Any = getattr(module, "weight", None)
            if isinstance(module, torch.nn.Embedding):
                filled.add(_place(weight.normal_(0.0, EMBEDDING_STD, generator=generator)))
            elif isinstance(module, torch.nn.Linear | Conv1D):
                if weight is not shared:
                    fan_in = weight.shape[0] if isinstance(module, Conv1D) else weight.shape[1]
                    filled.add(_place(weight.normal_(0.0, GAIN / fan_in**0.5, generator=generator)))
                if module.bias is not None:
                    filled.add(_place(module.bias.zero_()))
            elif name.endswith("embeddings_layernorm"):  # bloom: would undo the small embeddings
                weight.fill_(EMBEDDING_STD)
    model.tie_weights()
    return filled


def _config(model: Model) -> Any:
    """Return the transformers configuration of an architecture; a key it does not know is an error, not a default."""
    if model.architecture is None:
        raise ModelUnavailable(f"{model.id} has no `architecture:`")
    kind, shape = model.architecture.type, model.architecture.shape
    try:
        plain = AutoConfig.for_model(kind)
    except ValueError:
        raise ModelUnavailable(f"transformers knows no architecture {kind!r}") from None
    keys = {*plain.to_dict(), *plain.attribute_map}
    for key in sorted(shape.keys() - keys):
        near = difflib.get_close_matches(key, keys, n=1)
        raise ModelUnavailable(f"{model.id}: {kind} has no {key!r}" + (f", did you mean {near[0]!r}?" if near else ""))
    config = AutoConfig.for_model(kind, **{**shape, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0})
    if config.vocab_size < TOKENIZER_ENTRIES:
        too_small = f"vocab_size {config.vocab_size} is smaller than the tokenizer's {TOKENIZER_ENTRIES}"
        raise ModelUnavailable(f"{model.id}: {too_small}")
    return config
