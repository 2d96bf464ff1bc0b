"""python3 torch_explain_reference.py PROGRAM WEIGHTS: the live model of examples/torch_explain, once more in numpy and double
precision, from the same weights: logits, accuracy, attention of every layer, values, and the gradients that the program hands
over, by central differences."""
import json
import re
import subprocess
import sys
import tempfile

import numpy as np

LAYERS, HEADS = 2, 4
EPSILON = 1e-5
TYPES = {"F32": np.float32, "F64": np.float64}


def read_safetensors(path):
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        numbers = np.frombuffer(data[begin:end], TYPES[entry["dtype"]])
        tensors[name] = numbers.reshape(entry["shape"]).astype(np.float64)
    return tensors, metadata


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def norm(x, weight, bias):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON) * weight + bias


class Model:
    """One review at a time, without padding."""

    def __init__(self, weights, name, pooling):
        self.w = {key[len(name) + 1:]: value for key, value in weights.items() if key.startswith(name + ".")}
        self.pooling = pooling

    def linear(self, name, x):
        return x @ self.w[name + ".weight"] + self.w[name + ".bias"]

    def heads(self, x):
        return x.reshape(len(x), HEADS, -1).transpose(1, 0, 2)

    def run(self, embedding, given={}):
        """Logits, [layer] attention [head, query, key], [layer] values; given: attention by layer."""
        x = embedding + self.w["positions"][:len(embedding)]
        attention, values = [], []
        for l in range(LAYERS):
            at = f"layer{l}."
            query, key = self.heads(self.linear(at + "query", x)), self.heads(self.linear(at + "key", x))
            own = softmax(query @ key.transpose(0, 2, 1) / np.sqrt(query.shape[-1]))
            attention.append(given.get(l, own))
            values.append(self.heads(self.linear(at + "value", x)))
            mixed = (attention[l] @ values[l]).transpose(1, 0, 2).reshape(len(x), -1)
            y = norm(x + self.linear(at + "output", mixed), self.w[at + "attention_norm.weight"], self.w[at + "attention_norm.bias"])
            x = norm(y + self.linear(at + "down", np.maximum(0, self.linear(at + "up", y))), self.w[at + "norm.weight"],
                     self.w[at + "norm.bias"])
        return self.linear("classifier", x[0] if self.pooling == "first" else x.mean(0)), attention, values


def slope(function, at, places, step=1e-5):
    """d function / d at[place], by central differences."""
    found = []
    for place in places:
        near = at.copy()
        near[place] += step
        above = function(near)
        near[place] -= 2 * step
        found.append((above - function(near)) / (2 * step))
    return np.array(found)


def near(what, found, expected, tolerance):
    """Relative to the largest of the expected numbers."""
    scale = max(np.abs(expected).max(), 1e-8)
    off = np.abs(found - expected).max() / scale
    print(f"{what}: {off:.1e}")
    if not off < tolerance:
        sys.exit(f"{what} is off by {off}, at most {tolerance} is allowed")


def check(program, weights, name):
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/live.safetensors"
        subprocess.run([program, "--dump", path, "--dump-model", name, "--reviews", "40"], check=True, stdout=subprocess.PIPE)
        dump, metadata = read_safetensors(path)
    model = Model(weights, name, name)
    lengths, labels = json.loads(metadata["lengths"]), json.loads(metadata["labels"])
    assert len(set(lengths)) > 3, "reviews of unlike lengths"
    right = 0
    for b, n in enumerate(lengths):
        logits, attention, values = model.run(dump["input.embedding"][b, :n])
        near(f"{name} review {b}: logits", dump["output.logits"][b], logits, 1e-5)
        right += int(logits.argmax() == labels[b])
        for l in range(LAYERS):
            near(f"  attention {l}", dump[f"self.{l}.attention"][b, :, :n, :n], attention[l], 1e-5)
            near(f"  values {l}", dump[f"self.{l}.value"][b, :, :n], values[l], 1e-5)
            assert not dump[f"self.{l}.attention"][b, :, :n, n:].any(), "weights on padding"
    expected = right / len(lengths)

    generator = np.random.default_rng(1)
    for b in (0, 1, 2):
        n = lengths[b]
        embedding = dump["input.embedding"][b, :n]
        chosen = model.run(embedding)[0].argmax()
        outputs = {
            ".chosen": lambda logits: logits[chosen],
            "": lambda logits: -np.log(softmax(logits))[labels[b]],
        }
        for target, output in outputs.items():
            # The gradient of the loss is as small as the probability p of the wrong class, and float32 knows 1 - p to 6e-8.
            wrong = 1 - softmax(model.run(embedding)[0])[labels[b]]
            tolerance = 1e-3 if target else 1e-3 + 2e-7 / wrong
            places = list(np.ndindex(embedding.shape))
            gradient = slope(lambda x: output(model.run(x)[0]), embedding, places).reshape(embedding.shape)
            near(f"{name} review {b}: embedding_gradient{target}", dump["input.embedding_gradient" + target][b, :n], gradient, tolerance)
            for l in range(LAYERS):
                own = model.run(embedding)[1][l]
                places = [tuple(generator.integers(own.shape)) for _ in range(60)] + [(h, 0, k) for h in range(HEADS) for k in range(n)]
                found = slope(lambda a: output(model.run(embedding, {l: a})[0]), own, places)
                stored = dump[f"self.{l}.attention_gradient{target}"][b]
                near(f"  attention_gradient{target} {l}", np.array([stored[place] for place in places]), found, tolerance)
    return expected


def main():
    program, path = sys.argv[1:]
    weights, _ = read_safetensors(path)
    accuracies = {name: check(program, weights, name) for name in ("first", "mean")}
    printed = subprocess.run([program, "--only", "models", "--accuracy-reviews", "40"], check=True, stdout=subprocess.PIPE, text=True).stdout
    for name, reads in (("first", "its first token"), ("mean", "the mean of its tokens")):
        found = float(re.search(rf"reads {reads}[^0-9]* ([0-9.]+)\n", printed).group(1))
        assert abs(found - accuracies[name]) < 6e-4, (name, found, accuracies[name])
    print("accuracies", accuracies)


if __name__ == "__main__":
    main()
