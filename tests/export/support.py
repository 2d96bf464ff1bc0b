"""What the tests of examples/export share: dumps recomputed in numpy, the program's report, models made by hand.

Every test file is run as FILE ANALYZE [unittest's arguments]; ANALYZE is the program.
"""

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
import transformers

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
sys.path[:0] = [str(ROOT / "examples/export"), str(TESTS / "report")]

import export_attention
import models
import reference

transformers.logging.set_verbosity_error()


def main():
    global ANALYZE
    ANALYZE = sys.argv.pop(1)
    unittest.main()


def ranges(metadata, prefix, batch, count):
    lengths = json.loads(metadata[prefix + "lengths"])
    starts = json.loads(metadata.get(prefix + "starts", json.dumps([0] * batch)))
    return np.array(
        [[start <= i < start + length for i in range(count)] for start, length in zip(starts, lengths)]
    )


def visible_keys(tensors, metadata, name):
    """[batch, 1, query, key], by the rules of the format."""
    stack = name.split(".")[0]
    query_prefix = {"self": "", "encoder": "source_"}.get(stack, "target_")
    key_prefix = {"self": "", "decoder": "target_"}.get(stack, "source_")
    batch, _, queries, keys = tensors[name + ".attention"].shape
    visible = (
        ranges(metadata, query_prefix, batch, queries)[:, :, None]
        & ranges(metadata, key_prefix, batch, keys)[:, None]
    )
    behind = np.arange(queries)[:, None] - np.arange(keys)
    if stack == "decoder" or stack == "self" and metadata["causal"] == "true":
        visible &= behind >= 0
    window = metadata.get("sliding_window." + name)
    if window is not None:
        visible &= behind < int(window)
    return visible[:, None]


def recomputed(tensors, metadata, name):
    query, key = tensors[name + ".query"], tensors[name + ".key"]
    key = key.repeat(query.shape[1] // key.shape[1], axis=1)
    scores = float(metadata["scale." + name]) * query @ key.swapaxes(2, 3)
    if "soft_cap." + name in metadata:
        cap = float(metadata["soft_cap." + name])
        scores = cap * np.tanh(scores / cap)
    scores = scores + tensors.get(name + ".attention_bias", 0)
    scores = np.where(visible_keys(tensors, metadata, name), scores, -np.inf)
    top = scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores - np.where(np.isfinite(top), top, 0))
    return weights / np.maximum(weights.sum(axis=-1, keepdims=True), 1e-300)


def block_output(tensors, name):
    attention, value = tensors[name + ".attention"], tensors[name + ".value"]
    value = value.repeat(attention.shape[1] // value.shape[1], axis=1)
    context = (attention @ value).swapaxes(1, 2)
    return context.reshape(*context.shape[:2], -1) @ tensors[name + ".output_projection"] + tensors.get(
        name + ".output_bias", 0
    )


def layer_names(tensors):
    return sorted(name[: -len(".attention")] for name in tensors if name.endswith(".attention"))


def check_report(dump, tolerance):
    """What `analyze` says of the dump is what tests/report/reference.py computes; returns the report."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([ANALYZE, str(dump), "--out", folder], check=True, capture_output=True)
        report = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))
    expected = reference.make_report(dump)
    assert report["stacks"].keys() == expected["stacks"].keys()
    for stack, described in expected["stacks"].items():
        assert report["stacks"][stack].get("tokens") == described.get("tokens")
        for mine, wanted in zip(report["stacks"][stack]["layers"], described["layers"], strict=True):
            for key, value in wanted.items():
                check_numbers(f"{stack} {key}", mine[key], value, tolerance)
    return report


def check_numbers(place, actual, expected, tolerance):
    if isinstance(expected, dict):
        for key, value in expected.items():
            check_numbers(f"{place} {key}", actual[key], value, tolerance)
        return
    actual, expected = (np.array(x, dtype=float) for x in (actual, expected))
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance, err_msg=place)


class OneAttention(torch.nn.Module):
    """A model of no known family: attention that is given, or made by means that are not heard."""

    class config:
        is_encoder_decoder, _name_or_path, model_type, max_position_embeddings = False, "", "one", None

    def __init__(self, scores=None, weights=None):
        super().__init__()
        self.embedding, self.scores, self.weights = torch.nn.Embedding(len(models.WORDS), 6), scores, weights
        self.device = torch.device("cpu")
        self.eval()

    def get_input_embeddings(self):
        return self.embedding

    def forward(self, input_ids, attention_mask, output_attentions, output_hidden_states, return_dict):
        states = self.embedding(input_ids)
        weights = self.weights
        if self.scores is not None:
            heads = states.reshape(1, -1, 3, 2).transpose(1, 2)
            product = torch.matmul(heads, heads.transpose(2, 3))
            weights = torch.softmax(torch.where(self.scores < -1e9, self.scores, product), -1)
        mixed = torch.einsum("bhqk,bkd->bqd", weights, states)
        return transformers.modeling_outputs.BaseModelOutput(last_hidden_state=mixed, attentions=(weights,))


class InPlace(OneAttention):
    """A model that overwrites whatever it can."""

    def __init__(self):
        super().__init__()
        self.bias, self.output = torch.randn(1, 3, 6, 6), torch.nn.Linear(6, 6)

    def forward(self, input_ids, attention_mask, output_attentions, output_hidden_states, return_dict):
        self.states = self.embedding(input_ids)
        heads = self.states.reshape(1, 6, 3, 2).transpose(1, 2)[0]
        scores = torch.bmm(heads, heads.transpose(1, 2))
        scores *= 0.25
        scores += self.bias[0]
        weights = scores.softmax(-1)
        mixed = torch.bmm(weights, heads.clone()).transpose(0, 1).reshape(1, 6, 6)
        self.states += self.output(mixed)
        return transformers.modeling_outputs.BaseModelOutput(
            last_hidden_state=self.states, attentions=(weights[None],)
        )


def plain_export(model, folder, **options):
    """(tensors, metadata, what was said) of the tokens 4 to 9."""
    path = Path(folder) / "dump.safetensors"
    inputs = {"input_ids": torch.arange(4, 10)[None], "attention_mask": torch.ones(1, 6, dtype=torch.long)}
    with contextlib.redirect_stderr(io.StringIO()) as said:
        export_attention.export(model, path, inputs=inputs, **options)
    return *reference.read_safetensors(path), said.getvalue()
