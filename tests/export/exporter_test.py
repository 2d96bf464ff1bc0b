"""What the exporter refuses and says, chooses, and is told on the command line."""

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

import models
import support
from support import ROOT, OneAttention, check_report, export_attention, plain_export, reference
from export_attention import ExportError


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
        self.refused("there is no text in the list", text=[])
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
            export_attention.export(
                models.bert(), self.path, tokenizer=tokenizer, text=["a cat", "the dog slept"]
            )
        self.assertIn("no pad token; its end token '</s>' pads", said.getvalue())
        self.path.unlink()
        tokenizer.pad_token = tokenizer.eos_token = None
        self.refused("set tokenizer.pad_token", tokenizer=tokenizer, text=["a cat", "the dog slept"])

    def test_an_unknown_family_still_gives_attention_and_gradients(self):
        weights = torch.rand(1, 3, 6, 6).softmax(-1).requires_grad_()

        def loudness(outputs, inputs):
            """sum of squares of the outputs"""
            return outputs.last_hidden_state.pow(2).sum((1, 2))

        tensors, metadata, said = plain_export(OneAttention(weights=weights), self.folder, scalar=loudness)
        self.assertEqual(
            sorted(tensors),
            ["input.embedding", "input.embedding_gradient", "self.0.attention", "self.0.attention_gradient"],
        )
        self.assertEqual((metadata["causal"], metadata["lengths"]), ("false", "[6]"))
        self.assertEqual(metadata["loss"], "sum of squares of the outputs")
        self.assertIn(
            "left out: query, key, value, output_projection, residual of self.0 (these weights come from no "
            "softmax of torch's own",
            said,
        )
        self.assertIn("left out: tokens (they need", said)
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

    def test_a_file_that_cannot_be_written_leaves_nothing_behind(self):
        self.path.mkdir()
        with self.assertRaises(OSError):
            export_attention.export(models.bert(), self.path, tokenizer=models.tokenizer(), text="a")
        self.assertEqual(list(Path(self.folder).iterdir()), [self.path])

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

    def test_the_scalar_chooses_the_class(self):
        small = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 32}
        fills = models.make("BertForMaskedLM", transformers.BertConfig, **small)
        for name, model, arguments, stacks in (
            ("t5", models.t5(), ["--target-text", "a dog", "--scalar", "loss"], {"encoder", "decoder", "cross"}),
            ("bert", fills, ["--scalar", "logit", "--token", "cat"], {"self"}),
            ("bert", fills, ["--scalar", "similarity", "--to", "a dog"], {"self"}),
        ):
            tokenizer = models.tokenizer()
            tokenizer.mask_token = "who"
            with contextlib.redirect_stderr(io.StringIO()) as said:
                model.save_pretrained(self.folder / name)
                tokenizer.save_pretrained(self.folder / name)
                arguments = [str(self.folder / name), "--text", "who sat", "--out", str(self.out), *arguments]
                self.assertEqual(export_attention.main(arguments), 0, said.getvalue())
            tensors = reference.read_safetensors(self.out)[0]
            gradients = {tensor.split(".")[0] for tensor in tensors if tensor.endswith("attention_gradient")}
            self.assertEqual(gradients, stacks)

    def test_help_teaches(self):
        done = subprocess.run(
            [sys.executable, ROOT / "examples/export/export_attention.py", "--help"],
            capture_output=True,
            text=True,
            check=True,
        )
        for word in (*export_attention.FIELDS, *export_attention.SCALARS, "examples:", "Exit code"):
            self.assertIn(word, done.stdout)


if __name__ == "__main__":
    support.main()
