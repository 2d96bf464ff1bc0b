#!/usr/bin/env python3
"""Relevance by the equations of Chefer, Gur & Wolf (ICCV 2021), written from the paper: data/relevance.txt for relevance_test.cpp.

    python3 tests/flow/make_relevance.py > tests/flow/data/relevance.txt

An encoder-decoder of two layers each, with attention and gradients by autograd (torch), for two targets; and a model of two
modalities that attend to each other, with made-up numbers. A line: name, lengths of the axes, numbers.
"""
import numpy as np
import torch

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
DIM, SOURCE, TARGET, LAYERS = 12, 5, 4, 2


def normalised(x):
    return (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True)


class Attention:
    def __init__(self, heads):
        self.heads = heads
        self.q, self.k, self.v, self.o = (torch.randn(DIM, DIM) / DIM ** .5 for _ in range(4))

    def __call__(self, x, y, causal=False):
        """x + what its tokens take from y; keeps the attention [head, query, key]."""
        split = lambda z: z.reshape(len(z), self.heads, -1).transpose(0, 1)
        q, k, v = split(x @ self.q), split(y @ self.k), split(y @ self.v)
        scores = 2 * q @ k.transpose(1, 2) / q.shape[-1] ** .5
        if causal:
            scores = scores.masked_fill(torch.ones(len(x), len(y)).triu(1) > 0, -torch.inf)
        self.map = scores.softmax(-1)
        self.map.retain_grad()
        return normalised(x + (self.map @ v).transpose(0, 1).reshape(len(x), DIM) @ self.o)


def show(name, array):
    array = np.asarray(array)
    print(name, *array.shape, *(repr(float(x)) for x in array.ravel()))


# Equation 5: heads one by one, clamped before they are averaged.
def a_bar(attention, gradient):
    total = np.zeros(attention.shape[1:])
    for a, g in zip(attention, gradient):
        product = g * a
        total += np.where(product > 0, product, 0)
    return total / len(attention)


# Equations 8 and 9, entry by entry.
def r_bar(r):
    n = len(r)
    result = np.eye(n)
    for m in range(n):
        row = r[m] - np.eye(n)[m]
        for k in range(n):
            if row.sum() != 0:
                result[m, k] += row[k] / row.sum()
    return result


class Model:
    """R of the modalities "s" and "q"."""

    def __init__(self, s, q):
        self.r = {"ss": np.eye(s), "qq": np.eye(q), "sq": np.zeros((s, q)), "qs": np.zeros((q, s))}

    def add(self, *changes):
        for change in changes:
            for name, addition in change.items():
                self.r[name] = self.r[name] + addition

    def self_attention(self, s, a):  # 6 and 7
        q = "q" if s == "s" else "s"
        return {s + s: np.einsum("ik,kj->ij", a, self.r[s + s]), s + q: np.einsum("ik,kj->ij", a, self.r[s + q])}

    def cross_attention(self, s, a):  # 10 and 11
        q = "q" if s == "s" else "s"
        return {s + q: np.einsum("ki,kl,lj->ij", r_bar(self.r[s + s]), a, r_bar(self.r[q + q])),
                s + s: np.einsum("ik,kj->ij", a, self.r[q + s])}


def encoder_decoder():
    encoder = [Attention(3) for _ in range(LAYERS)]
    decoder = [Attention(2) for _ in range(LAYERS)]
    cross = [Attention(4) for _ in range(LAYERS)]
    x, y = (torch.randn(tokens, DIM, requires_grad=True) for tokens in (SOURCE, TARGET))
    for layer in encoder:
        x = layer(x, x)
    for own, across in zip(decoder, cross):
        y = own(y, y, causal=True)
        y = across(y, x)
    outputs = y[-1] @ torch.randn(DIM, 2)

    stacks = {"encoder": encoder, "decoder": decoder, "cross": cross}
    every = [(f"{stack}.{i}", layer) for stack, layers in stacks.items() for i, layer in enumerate(layers)]
    for name, layer in every:
        show(f"{name}.attention", layer.map.detach())
    for target in range(2):
        for _, layer in every:
            layer.map.grad = None
        outputs[target].backward(retain_graph=True)
        for name, layer in every:
            show(f"{name}.attention_gradient.{target}", layer.map.grad)
        step = lambda layer: a_bar(layer.map.detach().numpy(), layer.map.grad.numpy())
        model = Model(TARGET, SOURCE)
        for layer in encoder:
            model.add(model.self_attention("q", step(layer)))
        for own, across in zip(decoder, cross):
            model.add(model.self_attention("s", step(own)))
            model.add(model.cross_attention("s", step(across)))
        assert not model.r["qs"].any()
        show(f"target.{target}", model.r["ss"])
        show(f"source.{target}", model.r["qq"])
        show(f"target_source.{target}", model.r["sq"])


def two_modalities(text=3, image=4):
    random = np.random.default_rng(5)

    def step(name, queries, keys, heads):
        attention = random.dirichlet(np.ones(keys), (heads, queries))
        gradient = random.normal(0, 1, attention.shape)
        show(f"{name}.attention", attention)
        show(f"{name}.attention_gradient", gradient)
        return a_bar(attention, gradient)

    model = Model(text, image)
    model.add(model.self_attention("s", step("text.0", text, text, 2)))
    model.add(model.self_attention("q", step("image.0", image, image, 3)))
    for layer in (1, 2):
        of_text, of_image = step(f"text_image.{layer}", text, image, 2), step(f"image_text.{layer}", image, text, 2)
        model.add(model.cross_attention("s", of_text), model.cross_attention("q", of_image))  # neither sees the other's additions
        model.add(model.self_attention("s", step(f"text.{layer}", text, text, 2)))
        model.add(model.self_attention("q", step(f"image.{layer}", image, image, 1)))
    for name, r in zip(("text", "image", "text_by_image", "image_by_text"), ("ss", "qq", "sq", "qs")):
        show(name, model.r[r])


encoder_decoder()
two_modalities()
