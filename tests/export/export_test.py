#!/usr/bin/env python3
"""export_test.py ANALYZE [unittest's arguments]: what examples/export writes is what the models computed.

Everything is recomputed here from the dump alone, in numpy and float64, and compared with what hooks on the model's
own modules saw; ANALYZE is the program, whose report is compared with tests/report/reference.py.
"""

import contextlib
import io
import itertools
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
sys.path[:0] = [str(ROOT / "examples/export"), str(TESTS / "report"), str(TESTS / "export")]

import export_attention
import models
import reference
from export_attention import ExportError

ANALYZE = None
QUERY_KEY = ("query", "key")


# The dump, read and recomputed

def ranges(metadata, prefix, batch, count):
    lengths = json.loads(metadata[prefix + "lengths"])
    starts = json.loads(metadata.get(prefix + "starts", json.dumps([0] * batch)))
    return np.array([[start <= i < start + length for i in range(count)] for start, length in zip(starts, lengths)])


def visible_keys(tensors, metadata, name):
    """[batch, 1, query, key], by the rules of the format."""
    stack = name.split(".")[0]
    query_prefix = {"self": "", "encoder": "source_"}.get(stack, "target_")
    key_prefix = {"self": "", "decoder": "target_"}.get(stack, "source_")
    batch, _, queries, keys = tensors[name + ".attention"].shape
    visible = ranges(metadata, query_prefix, batch, queries)[:, :, None] & ranges(metadata, key_prefix, batch, keys)[:, None]
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
    return (context.reshape(*context.shape[:2], -1) @ tensors[name + ".output_projection"]
            + tensors.get(name + ".output_bias", 0))


def layer_names(tensors):
    return sorted(name[:-len(".attention")] for name in tensors if name.endswith(".attention"))


class Case:
    """A model, what it is given, and where its own modules show what the dump says.

    outputs: {stack: name of the output projection's module}, {} for the layer. sums: {stack: name of the module
    that is given residual + output}; a stack without one has none that is told.
    """

    def __init__(self, make, scalar, given, outputs, sums, causal=None, kv_heads=3):
        self.make, self.scalar, self.given, self.outputs, self.sums = make, scalar, given, outputs, sums
        self.causal, self.kv_heads = causal, kv_heads


TEXTS = ["the cat sat on the mat because it was tired .", "a dog slept ."]
TARGETS = ["who saw a cat", "the dog was tired . who slept"]
LANGUAGE = {"text": TEXTS}
TRANSLATION = {"text": TEXTS, "target_text": TARGETS}
CASES = {
    "bert": Case(models.bert, "norm", LANGUAGE, {"self": "encoder.layer.{}.attention.output.dense"},
                 {"self": "encoder.layer.{}.attention.output.LayerNorm"}, causal="false"),
    "gpt2": Case(models.gpt2, "log-probability", LANGUAGE, {"self": "transformer.h.{}.attn.c_proj"},
                 {"self": "transformer.h.{}.ln_2"}, causal="true"),
    "gpt2 left": Case(models.gpt2, "loss", {**LANGUAGE, "padding_side": "left"},
                      {"self": "transformer.h.{}.attn.c_proj"}, {"self": "transformer.h.{}.ln_2"}, causal="true"),
    "llama left": Case(models.llama, "logit", {**LANGUAGE, "padding_side": "left"},
                       {"self": "model.layers.{}.self_attn.o_proj"}, {"self": "model.layers.{}.post_attention_layernorm"},
                       causal="true", kv_heads=2),
    "mistral": Case(models.mistral, "loss", LANGUAGE, {"self": "model.layers.{}.self_attn.o_proj"},
                    {"self": "model.layers.{}.post_attention_layernorm"}, causal="true", kv_heads=1),
    "gemma2": Case(models.gemma2, "loss", LANGUAGE, {"self": "model.layers.{}.self_attn.o_proj"}, {}, causal="true",
                   kv_heads=2),
    "t5": Case(models.t5, "loss", TRANSLATION,
               {"encoder": "encoder.block.{}.layer.0.SelfAttention.o", "decoder": "decoder.block.{}.layer.0.SelfAttention.o",
                "cross": "decoder.block.{}.layer.1.EncDecAttention.o"},
               {"encoder": "encoder.block.{}.layer.1.layer_norm", "decoder": "decoder.block.{}.layer.1.layer_norm",
                "cross": "decoder.block.{}.layer.2.layer_norm"}),
    "bart": Case(models.bart, "log-probability", TRANSLATION,
                 {"encoder": "model.encoder.layers.{}.self_attn.out_proj", "decoder": "model.decoder.layers.{}.self_attn.out_proj",
                  "cross": "model.decoder.layers.{}.encoder_attn.out_proj"},
                 {"encoder": "model.encoder.layers.{}.self_attn_layer_norm",
                  "decoder": "model.decoder.layers.{}.self_attn_layer_norm",
                  "cross": "model.decoder.layers.{}.encoder_attn_layer_norm"}),
}
if not hasattr(torch, "_dynamo"):
    del CASES["gemma2"]  # its code needs torch 2


class Exported:
    """The dump of a case, what the hooks saw while it was made, and what was said."""

    def __init__(self, case, folder, **options):
        self.model, given = case.make(), dict(case.given)
        self.tokenizer = models.tokenizer(given.pop("padding_side", "right"))
        self.path, self.seen = Path(folder) / "dump.safetensors", {}
        self.stderr = io.StringIO()
        modules, hooks = dict(self.model.named_modules()), []
        for kind, where in (("output", case.outputs), ("sum", case.sums)):
            for stack, pattern in where.items():
                for layer in range(2):
                    hooks.append(modules[pattern.format(layer)].register_forward_hook(
                        self.keep(f"{stack}.{layer}.{kind}")))
        with contextlib.redirect_stderr(self.stderr):
            export_attention.export(self.model, self.path, tokenizer=self.tokenizer, scalar=case.scalar, **given, **options)
        for hook in hooks:
            hook.remove()
        self.tensors, self.metadata = reference.read_safetensors(self.path)

    def keep(self, name):
        def hook(module, inputs, output):
            self.seen[name] = (output if name.endswith("output") else inputs[0]).detach().numpy().copy()
        return hook


# The scalars, a second time

def scalar_again(name, outputs, ids, mask):
    """[batch], from what is written in docs/export.md; the token of "logit" and "log-probability" is fixed outside."""
    values = []
    for element in range(len(ids)):
        true = np.flatnonzero(mask[element])
        if name == "norm":
            values.append(outputs.last_hidden_state[element, true].mean(dim=0).norm())
            continue
        logits = outputs.logits[element, true]
        if name == "loss":
            values.append(torch.nn.functional.cross_entropy(logits[:-1], ids[element, true][1:]))
        else:
            row = logits[-1] if name == "logit" else logits[-1].log_softmax(-1)
            values.append(row)
    return values


@contextlib.contextmanager
def perturbed_softmax(call, index, step):
    """The softmax of that number gives weights that are off by `step` at [batch, head, query, key]."""
    original, calls = torch.nn.functional.softmax, itertools.count()

    def softmax(scores, *args, **kwargs):
        weights = original(scores, *args, **kwargs)
        if next(calls) == call:
            weights = weights.clone()
            weights.view(2, -1, *weights.shape[-2:])[index] += step  # some put batch and head side by side
        return weights

    torch.nn.functional.softmax = softmax
    try:
        yield
    finally:
        torch.nn.functional.softmax = original


@contextlib.contextmanager
def perturbed_embedding(module, index, step):
    """The first embedding that the module gives is off by `step` at [batch, token, dim]."""
    calls = itertools.count()

    def hook(module, inputs, output):
        output = output.clone()
        output[index] += step if next(calls) == 0 else 0
        return output

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def softmax_call(name, layers=2):
    """When the attention of this name is computed."""
    stack, layer = name.split(".")
    return {"decoder": layers + 2 * int(layer), "cross": layers + 2 * int(layer) + 1}.get(stack, int(layer))


class Family:
    """What holds of the dump of every case; each is a subclass, made below."""

    @classmethod
    def setUpClass(cls):
        cls.enterClassContext(models.in_double())
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.exported = Exported(cls.case, cls.folder)
        cls.model, cls.tensors, cls.metadata = cls.exported.model, cls.exported.tensors, cls.exported.metadata
        cls.layers = layer_names(cls.tensors)

    def close(self, actual, expected, what, tolerance=1e-10):
        np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance, err_msg=what)

    def rows(self, name):
        """[batch, query]: those of true tokens."""
        return visible_keys(self.tensors, self.metadata, name).any(axis=3)[:, 0]

    @property
    def is_left(self):
        return self.case.given.get("padding_side") == "left"

    @property
    def translates(self):
        return "target_text" in self.case.given

    def test_nothing_is_left_out(self):
        count = 6 if self.translates else 2
        self.assertEqual(len(self.layers), count)
        for field in ("attention", "attention_gradient", "query", "key", "value", "output_projection"):
            self.assertEqual(sum(name.endswith("." + field) for name in self.tensors), count, field)
        residuals = sum(name.endswith(".residual") for name in self.tensors)
        self.assertEqual(residuals, count if self.case.sums else 0)
        self.assertIn("input.embedding_gradient", self.tensors)
        if self.case.sums:
            self.assertEqual(self.exported.stderr.getvalue(), "")

    def test_attention_follows_from_queries_and_keys(self):
        for name in self.layers:
            again = recomputed(self.tensors, self.metadata, name)
            self.close(np.where(self.rows(name)[:, None, :, None], again, 0), self.tensors[name + ".attention"], name)

    def test_grouped_heads_are_stored_once(self):
        for name in self.layers:
            self.assertEqual(self.tensors[name + ".key"].shape[1], self.case.kv_heads)
            self.assertEqual(self.tensors[name + ".value"].shape[1], self.case.kv_heads)

    def test_output_of_the_block(self):
        for name in self.layers:
            rows, output = self.rows(name), block_output(self.tensors, name)
            self.close(output[rows], self.exported.seen[name + ".output"].reshape(output.shape)[rows], name)
            if self.case.sums:
                total = output + self.tensors[name + ".residual"]
                self.close(total[rows], self.exported.seen[name + ".sum"][rows], name)

    def test_rows_sum_to_one_and_nothing_leaks(self):
        for name in self.layers:
            attention = self.tensors[name + ".attention"]
            rows = np.broadcast_to(self.rows(name)[:, None], attention.shape[:3])
            self.close(attention.sum(axis=3)[rows], 1, name)
            visible = np.broadcast_to(visible_keys(self.tensors, self.metadata, name), attention.shape)
            self.assertTrue((attention[~visible] == 0).all(), name)
            self.assertTrue((attention[visible] > 0).all(), name)

    def test_metadata(self):
        self.assertEqual(self.metadata.get("causal"), self.case.causal)
        sources = [["<s>", *text.split(), "</s>"] for text in TEXTS]
        if self.translates:
            targets = [["<s>", *text.split(), "</s>"] for text in TARGETS]
            start = models.WORDS[self.model.config.decoder_start_token_id]
            self.assertEqual(json.loads(self.metadata["source_tokens"]), sources)
            self.assertEqual(json.loads(self.metadata["target_tokens"]), [[start, *t[:-1]] for t in targets])
            self.assertEqual(json.loads(self.metadata["target_lengths"]), [len(t) for t in targets])
            self.assertEqual(json.loads(self.metadata["text"]), [list(both) for both in zip(TEXTS, TARGETS)])
        else:
            self.assertEqual(json.loads(self.metadata["tokens"]), sources)
            self.assertEqual(json.loads(self.metadata["lengths"]), [13, 6])
            self.assertEqual(self.metadata.get("starts"), "[0, 7]" if self.is_left else None)
        self.assertLessEqual({"<s>", "</s>"}, set(json.loads(self.metadata["special_tokens"])))

    def test_norms_belong_to_models_that_normalise_the_sum(self):
        if self.case.make not in (models.bert, models.bart):
            self.assertFalse(any("norm" in name for name in [*self.tensors, *self.metadata]))
            return
        for name in self.layers:
            stack, layer = name.split(".")
            norm = dict(self.model.named_modules())[self.case.sums[stack].format(layer)]
            self.close(self.tensors[name + ".norm_weight"], norm.weight.detach().numpy(), name)
            self.close(self.tensors[name + ".norm_bias"], norm.bias.detach().numpy(), name)
            self.assertEqual(float(self.metadata["norm_epsilon"]), norm.eps)

    def test_padding_changes_nothing(self):
        """The second text alone, without padding, is attended to as in the batch."""
        path = Path(self.folder) / "alone.safetensors"
        given = {name: [texts[1]] for name, texts in self.case.given.items() if name != "padding_side"}
        export_attention.export(self.model, path, tokenizer=self.exported.tokenizer, **given)
        alone = reference.read_safetensors(path)[0]
        for name in self.layers:
            rows, keys = self.rows(name)[1], visible_keys(self.tensors, self.metadata, name)[1, 0].any(axis=0)
            batch = self.tensors[name + ".attention"][1][:, rows][:, :, keys]
            self.close(batch, alone[name + ".attention"][0], name)
            self.close(self.tensors[name + ".query"][1][:, rows], alone[name + ".query"][0], name)

    def test_gradients_are_finite_differences(self):
        ids, mask, run = self.plain_run()
        tokens = [row.argmax() if row.dim() else ... for row in scalar_again(self.case.scalar, run(), ids, mask)]

        def difference(change):
            """Of the scalar, by what `change` (a context manager of a step) changes."""
            values = []
            for step in (1e-5, -1e-5):
                with change(step):
                    values.append(sum(float(v[t]) for v, t in zip(scalar_again(self.case.scalar, run(), ids, mask), tokens)))
            return (values[0] - values[1]) / 2e-5

        for name in self.layers:
            shift = 7 if self.is_left else 0
            for index in ((0, 0, 5 + shift, 3 + shift), (1, 2, 4 + shift, 3 + shift), (1, 1, 2 + shift, 2 + shift)):
                found = self.tensors[name + ".attention_gradient"][index]
                self.close(found, difference(lambda step: perturbed_softmax(softmax_call(name), index, step)),
                           f"{name} {index}", 1e-7)
            self.assertGreater(np.abs(self.tensors[name + ".attention_gradient"]).max(), 1e-4, name)
        part = self.model.get_encoder() if self.translates else self.model
        for index in ((0, 8, 3), (1, 3 + (7 if self.is_left else 0), 20)):
            found = self.tensors["input.embedding_gradient"][index]
            self.close(found, difference(lambda step: perturbed_embedding(part.get_input_embeddings(), index, step)),
                       f"embedding {index}", 1e-7)

    def plain_run(self):
        """(ids and mask that the scalar is about, a forward without the exporter)."""
        encoded = self.exported.tokenizer(TEXTS, padding=True, return_tensors="pt")
        ids, mask = encoded["input_ids"], encoded["attention_mask"]
        inputs = {"input_ids": ids, "attention_mask": mask}
        if self.translates:
            target = self.exported.tokenizer(TARGETS, padding=True, return_tensors="pt")
            start = torch.full((2, 1), self.model.config.decoder_start_token_id)
            ids, mask = torch.cat([start, target["input_ids"][:, :-1]], 1), target["attention_mask"]
            inputs.update(decoder_input_ids=ids, decoder_attention_mask=mask)
        elif self.is_left:
            inputs["position_ids"] = torch.tensor([list(range(13)), [0] * 7 + list(range(6))])

        def run():
            with torch.no_grad():
                return self.model(**inputs)

        return ids, mask.numpy(), run

    def test_program_reads_it(self):
        check_report(self.exported.path, 2e-6)

    def test_program_computes_attention_from_queries_and_keys(self):
        with tempfile.TemporaryDirectory() as folder:
            exported = Exported(self.case, folder, fields=("query", "key"))
            self.assertFalse(any(name.endswith(("attention", "value", "gradient")) for name in exported.tensors))
            report = check_report(exported.path, 2e-5)
        for stack, described in reference.make_report(self.exported.path)["stacks"].items():
            for layer, expected in enumerate(described["layers"]):
                self.close(report["stacks"][stack]["layers"][layer]["entropies"], expected["entropies"], stack, 2e-5)


for case_name, case in CASES.items():
    class_name = case_name.title().replace(" ", "")
    globals()[class_name] = type(class_name, (Family, unittest.TestCase), {"case": case})


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
                actual, value = (np.array(x, dtype=float) for x in (mine[key], value))
                np.testing.assert_allclose(actual, value, rtol=tolerance, atol=tolerance, err_msg=f"{stack} {key}")
    return report


if __name__ == "__main__":
    ANALYZE = sys.argv.pop(1)
    unittest.main()
