"""ONNX Runtime GenAI: the generation loop that ONNX Runtime ships for deployment, on the model that its own builder writes, without torch.

The builder fuses attention and cache into one operator, and quantises weights in blocks (``int8``, ``int4``); where it does, activations are
rounded to 8 bits while they are multiplied. Options are entries of ONNX Runtime's session configuration.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import onnxruntime_genai

from greenreport.engines.base import EngineJob, Generated, OnToken
from greenreport.engines.memory_errors import loading_error, memory_line
from greenreport.engines.tokenized import TokenizedEngine
from greenreport.errors import EngineUnavailable, MeasurementInvalid, OutOfMemory
from greenreport.record import Facts

PRECISIONS = {"float32": "fp32", "int8": "int8", "int4": "int4"}
MODEL_FILE = "model.onnx"
#: The operator that multiplies with weights of few bits.
QUANTISED = "MatMulNBits"


class OnnxRuntimeGenAI(TokenizedEngine):
    """ONNX Runtime GenAI's generator, one prompt at a time."""

    def __init__(self, job: EngineJob) -> None:
        if "torch" not in sys.modules:
            os.environ["USE_TORCH"] = "0"  # transformers is asked for its tokenizer alone
        super().__init__(job)
        self.model: Any = None

    @classmethod
    def convert(cls, job: EngineJob, target: Path) -> None:
        scratch = target / "cache"
        command = [sys.executable, "-P", "-m", "onnxruntime_genai.models.builder", "-i", str(job.weights), "-o", str(target)]
        command += ["-p", PRECISIONS[job.configuration.dtype], "-e", "cpu", "-c", str(scratch)]
        if job.configuration.dtype == "int8":
            # The builder looks embeddings up in the output layer's weights where a model ties both, and can do so in 4 bits only.
            command += ["--extra_options", "shared_embeddings=false"]
        done = subprocess.run(
            command,
            env=os.environ | {"HF_HUB_OFFLINE": "1", "USE_TORCH": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if (line := memory_line(done.stdout)) is not None and done.returncode:
            raise OutOfMemory(f"the model builder of ONNX Runtime GenAI ran out of memory: {line}")
        if done.returncode:
            said = (done.stdout.strip().splitlines() or [f"exit status {done.returncode}"])[-1][:300]
            raise EngineUnavailable(f"the model builder of ONNX Runtime GenAI cannot write the model: {said}")

    def load(self) -> None:
        if not self.job.configuration.kv_cache:
            raise EngineUnavailable("ONNX Runtime GenAI has no mode without KV cache")
        threads = {"intra_op_num_threads": self.job.threads, "inter_op_num_threads": 1, "log_severity_level": 3}
        options = {name: str(value) for name, value in self.job.configuration.options.items()}
        decoder = {"session_options": {**threads, **options}}
        try:
            config = onnxruntime_genai.Config(str(self.job.artefact))
            config.overlay(json.dumps({"model": {"decoder": decoder, "eos_token_id": []}}))  # where to end is decided here
            self.model = onnxruntime_genai.Model(config)
        except self.failures as error:
            raise loading_error(error, "ONNX Runtime GenAI", "load the model") from None

    def facts(self) -> Facts:
        graph = onnx.load(str(Path(str(self.job.artefact)) / MODEL_FILE), load_external_data=False).graph
        found, levels = _multiplied(graph)
        if found != {self.job.configuration.dtype}:
            actual = ", ".join(sorted(found))
            raise MeasurementInvalid(
                f"ONNX Runtime GenAI's model holds {actual} weights; the study says {self.job.configuration.dtype}"
            )
        parameters, weights_b = self.artefact_size()
        return Facts(
            dtype=self.job.configuration.dtype,
            kv_cache=any(tensor.name.startswith("past_key_values") for tensor in graph.input),
            threads=self.job.threads,
            device=str(self.model.device_type).lower(),
            parameters=parameters,
            weights_b=weights_b,
            details=(
                *((("accuracy level", ", ".join(map(str, sorted(levels)))),) if levels else ()),
                ("onnxruntime", onnxruntime.__version__),
                ("onnxruntime-genai", onnxruntime_genai.__version__),
                ("operators", ", ".join(sorted({node.op_type for node in graph.node if node.domain}))),
            ),
        )

    def generate(
        self, prompts: Sequence[Sequence[int]], output_tokens: int, *, exact: bool, on_token: OnToken
    ) -> list[Generated]:
        [prompt] = prompts
        tokens: list[int] = []
        with self.fitting("generation does"):
            params = onnxruntime_genai.GeneratorParams(self.model)
            params.set_search_options(max_length=len(prompt) + output_tokens, do_sample=False, num_beams=1)
            generator = onnxruntime_genai.Generator(self.model, params)
            generator.append_tokens(list(prompt))
            while not generator.is_done() and (exact or not tokens or tokens[-1] not in self.end_ids):
                generator.generate_next_token()
                tokens.append(int(generator.get_next_tokens()[0]))
                on_token(tokens[-1:])
        return [self.finished(tokens, exact)]

    def close(self) -> None:
        self.model = None


def _multiplied(graph: onnx.GraphProto) -> tuple[set[str], set[int]]:
    """Return the types of the weights that a graph multiplies with, and the accuracy levels of the quantised products.

    At accuracy level 4, activations are rounded to 8 bits.
    """
    initial = {tensor.name: tensor.data_type for tensor in graph.initializer}
    names = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.FLOAT16: "float16", onnx.TensorProto.BFLOAT16: "bfloat16"}
    found, levels = set(), set()
    for node in graph.node:
        if node.op_type == QUANTISED:
            values = {attribute.name: attribute.i for attribute in node.attribute}
            found.add(f"int{values['bits']}")
            levels.add(int(values.get("accuracy_level", 0)))
        elif node.op_type == "MatMul" and node.input[1] in initial:
            found.add(names.get(initial[node.input[1]], onnx.TensorProto.DataType.Name(initial[node.input[1]]).lower()))
    return found, levels
