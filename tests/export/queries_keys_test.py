"""The recipes of docs/queries_and_keys.md give the queries and keys whose softmax is the model's eager attention."""

import re
import unittest
from pathlib import Path

import numpy as np
import torch
import transformers

import models
import support

DOCS = Path(__file__).resolve().parents[2] / "docs" / "queries_and_keys.md"


def recipes():
    """The functions of the page's Python blocks, by name."""
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```", DOCS.read_text(), re.M | re.S):
        exec(block, names)
    return names


def attention_of(tensors, metadata, layer):
    """The causal softmax of what was recorded of a layer."""
    query, key = (tensors[f"self.{layer}.{field}"] for field in ("query", "key"))
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    scale = float(metadata.get(f"scale.self.{layer}", query.shape[-1] ** -0.5))
    hidden = torch.ones(query.shape[2], key.shape[2], dtype=torch.bool).triu(1)
    return (scale * query @ key.transpose(2, 3)).masked_fill(hidden, -torch.inf).softmax(-1)


def plain_attention(module, query, key, value, attention_mask, scaling, **how):
    """What torch 2 has under the name of sdpa, where the mask is left out if it is causal."""
    from transformers.models.llama.modeling_llama import eager_attention_forward

    if attention_mask is None:
        attention_mask = torch.full((query.shape[2], key.shape[2]), -torch.inf).triu(1)[None, None]
    return eager_attention_forward(module, query, key, value, attention_mask, scaling, dropout=0.0)


class Recipes(unittest.TestCase):
    def setUp(self):
        self.enterContext(models.in_double())
        self.ids = torch.arange(4, 16)[None]

    def check(self, tensors, metadata, eager):
        self.assertEqual({name.split(".")[1] for name in tensors}, {"0", "1"})
        for layer, weights in enumerate(eager):
            self.assertEqual(tensors[f"self.{layer}.key"].shape[1], 2)  # not repeated
            again = attention_of(tensors, metadata, layer)
            np.testing.assert_allclose(again.numpy(), weights.numpy(), rtol=0, atol=1e-10)

    def eager_weights(self):
        with torch.no_grad():
            return models.llama()(self.ids, output_attentions=True).attentions

    def test_rotary(self):
        from transformers.models.llama import modeling_llama

        original, tensors, eager = modeling_llama.apply_rotary_pos_emb, {}, self.eager_weights()
        recipes()["record_rotary"](modeling_llama, tensors)
        try:
            with torch.no_grad():
                models.llama()(self.ids)
        finally:
            modeling_llama.apply_rotary_pos_emb = original
        self.check(tensors, {"causal": "true"}, eager)

    def test_attention_functions(self):
        try:
            from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
        except ImportError:
            self.skipTest(f"transformers {transformers.__version__} has no table of attention functions")
        tensors, metadata, eager = {}, {"causal": "true"}, self.eager_weights()
        original = ALL_ATTENTION_FUNCTIONS["sdpa"]
        if not hasattr(torch.nn.functional, "scaled_dot_product_attention"):  # torch 1.13
            ALL_ATTENTION_FUNCTIONS["sdpa"] = plain_attention
        try:
            recipes()["record_attention"](tensors, metadata)
            model = models.llama()
            model.config._attn_implementation = "sdpa"
            with torch.no_grad():
                model(self.ids)
        finally:
            ALL_ATTENTION_FUNCTIONS["sdpa"] = original
        self.assertAlmostEqual(float(metadata["scale.self.1"]), 8**-0.5)
        self.check(tensors, metadata, eager)


if __name__ == "__main__":
    support.main()
