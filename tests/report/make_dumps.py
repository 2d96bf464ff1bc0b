#!/usr/bin/env python3
"""Makes the small synthetic dumps of tests/data/synthetic: every rule of the format that changes a number.

    make_dumps.py OUTDIR        writes OUTDIR/<name>.safetensors, the same bytes each time (needs numpy)

Afterwards `reference.py --all` remakes the numbers that the tests compare with. What each dump is for stands
with the function that makes it. Padding is filled with NaN and huge numbers: nothing may depend on it.
"""

import argparse
import json
import struct
import zlib
from pathlib import Path

import numpy as np

ITEM_SIZE = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}


def encode(values, dtype):
    if dtype == "BF16":  # the upper half of a float32, to nearest, ties to even
        bits = values.astype("<f4").view("<u4").astype(np.uint64)
        return ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()
    return values.astype({"F16": "<f2", "F32": "<f4", "F64": "<f8"}[dtype]).tobytes()


def write_safetensors(path, tensors, metadata):
    """`tensors` is {name: (array, dtype)}; the largest items first, the header padded to a multiple of 8."""
    header, data = {"__metadata__": metadata}, b""
    for name in sorted(tensors, key=lambda n: (-ITEM_SIZE[tensors[n][1]], n)):
        values, dtype = tensors[name]
        raw = encode(values, dtype)
        header[name] = {"dtype": dtype, "shape": list(values.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def random_maps(random, shape, visible=None, mass=1.0):
    """Attention [batch, head, query, key]: random rows of sum `mass` over the visible keys."""
    scores = random.normal(size=shape) * random.uniform(0.3, 3, size=shape[:3] + (1,))
    weights = np.exp(scores) * (np.ones(shape[2:]) if visible is None else visible)
    return mass * weights / weights.sum(axis=-1, keepdims=True)


def triangle(queries, keys, offset=0):
    return np.array([[j <= i + offset for j in range(keys)] for i in range(queries)])


def inside(starts, lengths, count):
    """[batch, count]: which positions are true tokens."""
    return np.array([[begin <= i < begin + length for i in range(count)]
                     for begin, length in zip(starts, lengths)])


def spoil(tensor, kept, axis):
    """Fills what is not `kept` [batch, position] along `axis` with NaN, and huge numbers of both signs."""
    garbage = np.resize([np.nan, 1e30, -1e30, np.inf, 7.0], tensor.shape)
    shape = [kept.shape[0], 1, 1, 1]
    shape[axis] = kept.shape[1]
    return np.where(kept.reshape(shape), tensor, garbage)


def padded_maps(random, heads, query_kept, key_kept, causal=False):
    """Maps whose rows see the true keys alone, garbage elsewhere."""
    batch, queries, keys = len(query_kept), query_kept.shape[1], key_kept.shape[1]
    # Rows of padding may have no key to see; they are spoiled, so let them see the first one.
    visible = key_kept[:, None, None, :] & (triangle(queries, keys) if causal else True)
    visible = visible | (~visible.any(axis=-1, keepdims=True) & (np.arange(keys) == 0))
    maps = random_maps(random, (batch, heads, queries, keys), visible)
    return spoil(spoil(maps, query_kept, 2), key_kept, 3)


def words(random, lengths, special=None):
    """One list of tokens an element; special = (first, last) puts those at the ends."""
    lists = [[f"w{random.randint(100)}" for _ in range(length)] for length in lengths]
    for tokens in lists if special else []:
        tokens[0], tokens[-1] = special
    return lists


def single(values, dtype="F32"):
    return {"self.0.attention": (values, dtype)}


def left_padded(random):
    """Tokens at the END of each row of a batch, special ones among them; token lists without the padding."""
    starts, lengths = [3, 0, 5], [6, 9, 4]
    kept = inside(starts, lengths, 9)
    tokens = words(random, lengths, ("[CLS]", "[SEP]"))
    tokens[0][2] = "smile \U0001F600"
    tensors = {f"self.{layer}.attention": (padded_maps(random, 3, kept, kept), "F32") for layer in range(2)}
    return tensors, {"starts": json.dumps(starts), "lengths": json.dumps(lengths),
                     "tokens": json.dumps(tokens), "special_tokens": '["[CLS]", "[SEP]"]',
                     "model": "synthetic, left-padded"}


def causal_padded(random):
    """Right padding under a causal mask; no layer 1, fewer heads in layer 2; token lists with the padding."""
    lengths = [8, 5, 1]
    kept = inside([0, 0, 0], lengths, 8)
    tokens = [real + ["<pad>"] * (8 - len(real)) for real in words(random, lengths)]
    tensors = {f"self.{layer}.attention": (padded_maps(random, heads, kept, kept, causal=True), "F32")
               for layer, heads in ((0, 3), (2, 2))}
    return tensors, {"causal": "true", "lengths": json.dumps(lengths), "tokens": json.dumps(tokens)}


def causal_offset(random):
    """The last 4 of 10 tokens ask, as with a cache; no batch axis; one flat list of tokens."""
    tokens = words(random, [10], ("<bos>", "<eos>"))[0]
    tensors = {f"self.{layer}.attention": (random_maps(random, (1, 2, 4, 10), triangle(4, 10, 6))[0], "F32")
               for layer in range(2)}
    return tensors, {"causal": "true", "query_offset": "6", "tokens": json.dumps(tokens),
                     "special_tokens": '["<bos>", "<eos>"]'}


def half(random):
    """Half precision: rows sum to 1 within 5e-3 only."""
    return single(random_maps(random, (2, 3, 12, 12)), "F16"), {}


def bfloat16(random):
    """bfloat16: rows sum to 1 within 2e-2 only."""
    return single(random_maps(random, (2, 3, 12, 12)), "BF16"), {}


def double(random):
    """Double precision, more than a float holds; beside it a layer in half, so items of two sizes."""
    return {"self.0.attention": (random_maps(random, (2, 3, 12, 12)), "F64"),
            "self.1.attention": (random_maps(random, (2, 3, 12, 12)), "F16")}, {}


def encoder_decoder(random):
    """Three stacks; the source padded on the left, the target on the right, each with its own lists."""
    starts, source, target = [2, 0], [5, 7], [6, 3]
    source_kept, target_kept = inside(starts, source, 7), inside([0, 0], target, 6)
    tensors = {}
    for layer in range(2):
        tensors[f"encoder.{layer}.attention"] = (padded_maps(random, 2, source_kept, source_kept), "F32")
        causal = padded_maps(random, 2, target_kept, target_kept, causal=True)
        tensors[f"decoder.{layer}.attention"] = (causal, "F32")
        tensors[f"cross.{layer}.attention"] = (padded_maps(random, 2, target_kept, source_kept), "F32")
    return tensors, {"source_starts": json.dumps(starts), "source_lengths": json.dumps(source),
                     "target_lengths": json.dumps(target), "model": "synthetic, encoder and decoder",
                     "source_tokens": json.dumps(words(random, source, ("<s>", "<eos>"))),
                     "target_tokens": json.dumps(words(random, target, ("<bos>", "<eos>"))),
                     "special_tokens": '["<s>", "<bos>", "<eos>"]'}


def cross_widths(random):
    """Cross-attention without lengths and tokens, over fewer keys in the upper layer; no batch axis."""
    return {f"cross.{layer}.attention": (random_maps(random, (1, 2, 5, keys))[0], "F32")
            for layer, keys in ((0, 8), (1, 3))}, {}


def queries_keys(random):
    """Layer 0: only queries, keys: 4 query heads on 2 key heads, scale, soft cap, sliding window, padding.
    Layer 1: weights too, not those of its queries and keys. Layer 2: neither. Layer 3: the default scale."""
    starts, lengths = [0, 4], [9, 7]
    kept = inside(starts, lengths, 11)
    tensors = {}
    for layer in (0, 1, 3):
        query, key = random.normal(size=(2, 4, 11, 6)) * 3, random.normal(size=(2, 2, 11, 6)) * 3
        tensors[f"self.{layer}.query"] = (spoil(query, kept, 2), "F32")
        tensors[f"self.{layer}.key"] = (spoil(key, kept, 2), "F32")
    tensors["self.1.attention"] = (padded_maps(random, 4, kept, kept, causal=True), "F32")
    tensors["self.2.value"] = (random.normal(size=(2, 2, 11, 6)), "F32")
    return tensors, {"causal": "true", "starts": json.dumps(starts), "lengths": json.dumps(lengths),
                     "tokens": json.dumps(words(random, lengths)),
                     "scale.self.0": "0.25", "soft_cap.self.0": "2.5", "sliding_window.self.0": "4"}


def queries_keys_bias(random):
    """Layer 0: an additive bias shared by the batch. Layer 1: a bias an element. Layer 2: sink logits, which
    take mass from every row. Not causal, padded, one key head for all query heads."""
    starts, lengths = [1, 0], [5, 4]
    kept = inside(starts, lengths, 6)
    tensors = {}
    for layer in range(3):
        tensors[f"self.{layer}.query"] = (spoil(random.normal(size=(2, 3, 6, 4)), kept, 2), "F32")
        tensors[f"self.{layer}.key"] = (spoil(random.normal(size=(2, 1, 6, 4)), kept, 2), "F32")
    bias = random.normal(size=(2, 3, 6, 6)) * 2
    tensors["self.0.attention_bias"] = (random.normal(size=(1, 3, 6, 6)) * 2, "F32")
    tensors["self.1.attention_bias"] = (spoil(spoil(bias, kept, 2), kept, 3), "F32")
    tensors["self.2.sink_logits"] = (np.array([-1.0, 0.5, 2.0]), "F32")
    return tensors, {"starts": json.dumps(starts), "lengths": json.dumps(lengths)}


def sliding_window(random):
    """Stored weights of a layer with a sliding window: a query sees three keys at most."""
    visible = triangle(7, 7) & ~triangle(7, 7, -3)
    return single(random_maps(random, (1, 2, 7, 7), visible)), {"causal": "true",
                                                                "sliding_window.self.0": "3"}


def custom_stack(random):
    """A stack of another name, described by metadata; tokens that break careless writers of JSON and HTML."""
    tokens = ['say "hi"', "two\nlines", "\U0001F600\u200d\u2728", "<script>alert(1)</script>",
              "back\\slash\t\u0001", "&amp; ]]>", "", "[1,  2]"]
    return {"vision.0.attention": (random_maps(random, (1, 2, 8, 8)), "F32")}, {
        "stack.vision": '{"query_tokens": "patch_tokens", "key_tokens": "patch_tokens", "causal": false}',
        "patch_tokens": json.dumps([tokens], ensure_ascii=False), "model": 'a "model" </script> \U0001F600'}


def one_token(_):
    """One head, one token."""
    return single(np.ones((1, 1, 1, 1))), {"tokens": '["alone"]'}


def causal_one(_):
    """Two heads, one token, causal."""
    return single(np.ones((1, 2, 1, 1))), {"causal": "true"}


def zero_head(random):
    """A head whose rows are all zero beside two normal ones."""
    maps = random_maps(random, (1, 3, 5, 5))
    maps[:, 1] = 0
    return single(maps), {}


def sinks(random):
    """Rows that sum to 0.7: the rest went to a sink that is not among the keys."""
    return single(random_maps(random, (2, 2, 6, 6), triangle(6, 6), mass=0.7)), {"causal": "true"}


def input_tensors(random, kept, dim, name=""):
    """[batch, token, dim] embedding_gradient of one target, garbage where the padding is."""
    gradient = random.normal(size=(*kept.shape, dim)) * random.uniform(0.2, 2, size=(*kept.shape, 1))
    return {"input.embedding_gradient" + name: (spoil(gradient[..., np.newaxis], kept, 1)[..., 0], "F32")}


def attributed(random):
    """Gradients of two targets down to the embeddings, padding on both sides; values through residual and norm
    in layer 0, alone in layer 1. Element 1 has a gradient that is the same everywhere, element 2 three tokens."""
    starts, lengths = [1, 0, 4], [9, 11, 3]
    kept = inside(starts, lengths, 11)
    embedding = random.normal(size=(3, 11, 5))
    tensors = {"input.embedding": (spoil(embedding[..., np.newaxis], kept, 1)[..., 0], "F32")}
    for name in ("", ".toxicity"):
        tensors.update(input_tensors(random, kept, 5, name))
    tensors["input.embedding_gradient"][0][1] = 0.25
    for layer in range(2):
        tensors[f"self.{layer}.attention"] = (padded_maps(random, 4, kept, kept), "F32")
        for name in ("", ".toxicity"):
            gradient = random.normal(size=(3, 4, 11, 11))
            tensors[f"self.{layer}.attention_gradient{name}"] = (spoil(spoil(gradient, kept, 2), kept, 3), "F32")
        tensors[f"self.{layer}.value"] = (spoil(random.normal(size=(3, 2, 11, 3)), kept, 2), "F32")
        tensors[f"self.{layer}.output_projection"] = (random.normal(size=(12, 5)), "F32")
    residual = random.normal(size=(3, 11, 5))
    tensors["self.0.residual"] = (spoil(residual[..., np.newaxis], kept, 1)[..., 0], "F32")
    tensors["self.0.output_bias"] = (random.normal(size=5), "F32")
    tensors["self.0.norm_weight"] = (random.uniform(0.5, 2, size=5), "F32")
    return tensors, {"starts": json.dumps(starts), "lengths": json.dumps(lengths), "norm_epsilon": "1e-6",
                     "tokens": json.dumps(words(random, lengths, ("[CLS]", "[SEP]"))),
                     "special_tokens": '["[CLS]", "[SEP]"]'}


def attributed_cache(random):
    """The last 4 of 10 tokens ask, and all 10 have a gradient; no batch axis; double precision."""
    gradient = input_tensors(random, np.ones((1, 10), bool), 3)["input.embedding_gradient"][0][0]
    tensors = {"input.embedding_gradient": (gradient, "F64")}
    for layer in (0, 5):
        tensors[f"self.{layer}.attention"] = (random_maps(random, (1, 2, 4, 10), triangle(4, 10, 6))[0], "F64")
        tensors[f"self.{layer}.attention_gradient"] = (random.normal(size=(2, 4, 10)), "F64")
    return tensors, {"causal": "true", "query_offset": "6"}


DUMPS = [left_padded, causal_padded, causal_offset, half, bfloat16, double, encoder_decoder, cross_widths,
         queries_keys, queries_keys_bias, sliding_window, custom_stack, one_token, causal_one, zero_head,
         sinks, attributed, attributed_cache]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("outdir", type=Path)
    outdir = parser.parse_args().outdir
    outdir.mkdir(parents=True, exist_ok=True)
    for make in DUMPS:
        name = make.__name__
        # A generator of its own, so that a new dump changes no other.
        tensors, metadata = make(np.random.RandomState(zlib.crc32(name.encode())))
        write_safetensors(outdir / f"{name}.safetensors", tensors, metadata)


if __name__ == "__main__":
    main()
