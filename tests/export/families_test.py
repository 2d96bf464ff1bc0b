"""What the exporter writes of models of many families is what they computed.

Everything is recomputed from the dump alone, in numpy and float64, and compared with what hooks on the model's own
modules saw; gradients with finite differences, reports with tests/report/reference.py.
"""

import contextlib
import io
import itertools
import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

import models
import support
from support import (
    InPlace,
    OneAttention,
    block_output,
    check_report,
    export_attention,
    layer_names,
    plain_export,
)
from support import recomputed, reference, visible_keys


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
                    module, hook = modules[pattern.format(layer)], self.keep(f"{stack}.{layer}.{kind}")
                    hooks.append(module.register_forward_hook(hook))
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
    """[batch], from what is written in docs/export.md; of "logit" and "log-probability", those of all tokens."""
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
            values.append(logits[-1] if name == "logit" else logits[-1].log_softmax(-1))
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
        values = scalar_again(self.case.scalar, run(), ids, mask)
        tokens = [value.argmax() if value.dim() else ... for value in values]

        def difference(change):
            """Of the scalar, by what `change` (a context manager of a step) changes."""
            sums = []
            for step in (1e-5, -1e-5):
                with change(step):
                    values = scalar_again(self.case.scalar, run(), ids, mask)
                sums.append(sum(float(value[token]) for value, token in zip(values, tokens)))
            return (sums[0] - sums[1]) / 2e-5

        shift = 7 if self.is_left else 0  # the second text begins there
        entries = (0, 0, 12, 3), (1, 2, 4 + shift, 3 + shift), (1, 1, 2 + shift, 2 + shift)
        if self.translates:
            entries = (0, 0, 5, 3), *entries[1:]  # the first target has six tokens
        for name in self.layers:
            gradient = self.tensors[name + ".attention_gradient"]
            for index in entries:
                expected = difference(lambda step: perturbed_softmax(softmax_call(name), index, step))
                self.close(gradient[index], expected, f"{name} {index}", 1e-7)
            self.assertGreater(np.abs(gradient).max(), 1e-4, name)
        part = self.model.get_encoder() if self.translates else self.model
        for index in ((0, 8, 3), (1, 3 + (7 if self.is_left else 0), 20)):
            expected = difference(lambda step: perturbed_embedding(part.get_input_embeddings(), index, step))
            self.close(self.tensors["input.embedding_gradient"][index], expected, f"embedding {index}", 1e-7)

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

    def test_similarity_is_a_cosine(self):
        bert, tokenizer = models.bert(), models.tokenizer()

        def pooled(text):
            with torch.no_grad():
                return bert(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)

        target, values, index = pooled("the dog saw it"), [], (0, 3, 5)
        for step in (1e-5, -1e-5):
            with perturbed_embedding(bert.get_input_embeddings(), index, step):
                values.append(float(torch.cosine_similarity(pooled(TEXTS[1]), target, dim=0)))
        with tempfile.TemporaryDirectory() as folder:
            path, given = Path(folder) / "dump.safetensors", {"text": TEXTS[1], "to": "the dog saw it"}
            export_attention.export(bert, path, tokenizer=tokenizer, scalar="similarity", **given)
            tensors, metadata = reference.read_safetensors(path)
        found = tensors["input.embedding_gradient"][index]
        self.assertAlmostEqual(found, (values[0] - values[1]) / 2e-5, 7)
        self.assertIn('that of "the dog saw it"', metadata["loss"])

    def test_a_model_may_compute_in_place(self):
        with tempfile.TemporaryDirectory() as folder:
            model = InPlace()
            tensors, metadata, said = plain_export(model, folder)
        self.assertEqual(said.count("left out"), 1)  # tokens
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
            tensors, metadata, _ = plain_export(OneAttention(scores=scores), folder)
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


if __name__ == "__main__":
    support.main()
