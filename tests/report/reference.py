#!/usr/bin/env python3
"""The numbers of report.json, computed a second time, from their definitions alone.

The C++ is checked against what this prints, so nothing here is clever: float64, one row at a time. It needs
numpy and scipy and knows the dump format and the table of definitions, not the library.

    reference.py DUMP [--window 3] [--layers 0,1] [--heads 0,2] [--exclude-special] [--target NAME] [--rollout] [--flow]
                                prints the JSON
    reference.py --all          remakes every tests/report/reference/*.json (run make_dumps.py first)
    reference.py --self-test    checks this script against published and hand-computed numbers, and that what
                                is stored is what it makes

A stored result is named by the dump and its options:
STEM[@window=N][@layers=A,B][@heads=A,B][@target=NAME][@exclude-special][@rollout][@flow].json

Beside the keys of the report, every stack has "per_example": the same numbers of each batch element alone.
An undefined number is null. Where the definitions leave a choice, this is the one taken:

- A query of a stack whose queries and keys are the same tokens stands at position i + query_offset; it is
  valid where that position is. In other stacks (cross) nothing has a distance, so there is no locality.
- A sliding window narrows what a query sees whether the weights are stored or computed.
- Computed weights: query x key times scale, soft cap, plus attention_bias, mask, softmax with
  exp(sink_logits) as one more term of the denominator.
- A token list as long as its element starts at the first valid token, any other list at position 0.
- A head of norm 0 has no cosine, not even with itself; then the mean over pairs is undefined too.
- num_layers and num_heads count what was chosen by --layers and --heads.
- Excluded tokens are left in the list of tokens, and in rollout and flow: there they keep what they have.
- Rollout and flow stand where every token is both a query and a key (no query_offset, one size in all layers).
- Alignment is of stacks whose queries and keys are other tokens. Gold links that touch a special token count as
  the others: the definition says what is removed from the attention alone.
- The tokens that are scored are the valid keys. Excluded tokens are none of them: of attention they are gone before rows
  are renormalised; from every other map their rows and columns are taken before anything is read out.
- "received" is the mean over the rows that are there, "first query" the first of them.
"""

import argparse
import json
import math
import re
import struct
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy import stats

TESTS = Path(__file__).resolve().parent.parent
RESULTS = TESTS / "report" / "reference"

VARIANTS = {
    "cipher_batch": [{"exclude_special": True}],
    "induction_batch": [{"exclude_special": True}],
    "minilm_pair": [{"rollout": True}],
    "use_lite_cat": [{"rollout": True, "flow": True}],
    "use_lite_pride": [{"window": 5, "heads": [0, 2]}, {"heads": [1], "rollout": True, "flow": True}],
    "causal_padded": [{"layers": [2]}, {"rollout": True, "flow": True}],
    "sinks": [{"rollout": True, "flow": True}],
    "zero_head": [{"rollout": True, "flow": True}],
    "encoder_decoder": [{"rollout": True, "flow": True},
                        {"window": 1, "layers": [1], "heads": [1], "exclude_special": True}],
    "left_padded": [{"exclude_special": True}, {"exclude_special": True, "rollout": True, "flow": True}],
    "causal_offset": [{"window": 0}, {"exclude_special": True}],
    "attributed": [{"exclude_special": True}, {"target": "toxicity", "flow": True}, {"layers": [1], "heads": [3, 1]}],
}


# The dump

def read_safetensors(path):
    """All tensors of a file as float64 arrays, and its metadata."""
    data = Path(path).read_bytes()
    (header_size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + header_size].decode("utf-8"))
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = data[8 + header_size + begin:8 + header_size + end]
        tensors[name] = decode(raw, entry["dtype"]).reshape(entry["shape"])
    return tensors, metadata


def decode(raw, dtype):
    if dtype == "BF16":  # the upper half of a float32
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return np.frombuffer(raw, {"F16": "<f2", "F32": "<f4", "F64": "<f8"}[dtype]).astype(np.float64)


class Stack:
    """What a stack's name and the metadata say: its token lists and whether it is causal."""

    def __init__(self, name, metadata):
        if name == "self":
            self.query_tokens, self.key_tokens = "tokens", "tokens"
            self.causal = metadata.get("causal", "false") == "true"
        elif name == "encoder":
            self.query_tokens, self.key_tokens, self.causal = "source_tokens", "source_tokens", False
        elif name == "decoder":
            self.query_tokens, self.key_tokens, self.causal = "target_tokens", "target_tokens", True
        elif name == "cross":
            self.query_tokens, self.key_tokens, self.causal = "target_tokens", "source_tokens", False
        else:
            description = json.loads(metadata["stack." + name])
            self.query_tokens, self.key_tokens = description["query_tokens"], description["key_tokens"]
            self.causal = description["causal"]
        self.positional = self.query_tokens == self.key_tokens
        self.query_offset = int(metadata.get("query_offset", 0)) if self.positional else 0


def valid_range(metadata, token_list, element, count):
    """[begin, end) of the true tokens among `count` positions; source_tokens has source_starts and so on."""
    starts = json.loads(metadata.get(token_list.replace("tokens", "starts"), "null"))
    lengths = json.loads(metadata.get(token_list.replace("tokens", "lengths"), "null"))
    begin = starts[element] if starts else 0
    end = begin + lengths[element] if lengths else count
    return begin, end


def valid_tokens(metadata, token_list, element, count):
    """The strings of the true tokens, or None where the dump has no such list."""
    if token_list not in metadata:
        return None
    lists = json.loads(metadata[token_list])
    tokens = lists[element] if isinstance(lists[0], list) else lists
    begin, end = valid_range(metadata, token_list, element, count)
    return tokens if len(tokens) == end - begin else tokens[begin:end]


def with_batch(tensor):
    return tensor if tensor.ndim == 4 else tensor[np.newaxis]


def layer_shape(tensors, layer_name):
    """(batch, heads, queries, keys) of a layer."""
    if layer_name + ".attention" in tensors:
        return with_batch(tensors[layer_name + ".attention"]).shape
    query, key = (with_batch(tensors[layer_name + field]) for field in (".query", ".key"))
    return query.shape[:3] + key.shape[2:3]


def visible_keys(stack, begin, end, position, keys, sliding_window):
    """Which of `keys` keys the query at `position` may see."""
    visible = []
    for j in range(keys):
        seen = begin <= j < end
        if stack.causal:
            seen = seen and j <= position
        if sliding_window is not None:
            seen = seen and position - sliding_window + 1 <= j <= position
        visible.append(seen)
    return np.array(visible, dtype=bool)


def computed_row(tensors, metadata, layer_name, element, head, i, visible):
    """One row of attention from queries and keys."""
    query = with_batch(tensors[layer_name + ".query"])
    key = with_batch(tensors[layer_name + ".key"])
    group = query.shape[1] // key.shape[1]
    scale = float(metadata.get("scale." + layer_name, 1 / math.sqrt(query.shape[3])))
    cap = metadata.get("soft_cap." + layer_name)
    scores = {}
    for j in np.flatnonzero(visible):
        score = scale * math.fsum(query[element, head, i] * key[element, head // group, j])
        if cap is not None:
            score = float(cap) * math.tanh(score / float(cap))
        if layer_name + ".attention_bias" in tensors:
            bias = with_batch(tensors[layer_name + ".attention_bias"])
            score += bias[element if bias.shape[0] > 1 else 0, head, i, j]
        scores[j] = score
    terms = list(scores.values())
    if layer_name + ".sink_logits" in tensors:
        terms.append(tensors[layer_name + ".sink_logits"][head])
    row = np.zeros(len(visible))
    if scores:
        total = math.fsum(math.exp(term - max(terms)) for term in terms)
        for j, score in scores.items():
            row[j] = math.exp(score - max(terms)) / total
    return row


class Example:
    """One layer of one batch element, with padding and excluded tokens gone.

    weights [head, query, key], 0 where not visible; visible [query, key]; distance [query, key] (of original
    positions); first_key [head, query], the weight at the first valid key; kept_queries, kept_keys: which true
    tokens these are, counted from the first.
    """

    def __init__(self, weights, visible, distance, first_key, kept_queries, kept_keys):
        self.weights, self.visible, self.distance, self.first_key = weights, visible, distance, first_key
        self.kept_queries, self.kept_keys = kept_queries, kept_keys


def load_example(tensors, metadata, stack, layer_name, element, heads, exclude_special):
    stored = tensors.get(layer_name + ".attention")
    _, num_heads, queries, keys = layer_shape(tensors, layer_name)
    heads = range(num_heads) if heads is None else heads

    query_count = keys if stack.positional else queries
    query_begin, query_end = valid_range(metadata, stack.query_tokens, element, query_count)
    key_begin, key_end = valid_range(metadata, stack.key_tokens, element, keys)
    kept_queries = [i for i in range(queries) if query_begin <= i + stack.query_offset < query_end]
    kept_keys = list(range(key_begin, key_end))
    if exclude_special:
        special = json.loads(metadata.get("special_tokens", "[]"))
        query_tokens = valid_tokens(metadata, stack.query_tokens, element, query_count)
        key_tokens = valid_tokens(metadata, stack.key_tokens, element, keys)
        if query_tokens is not None:
            kept_queries = [i for i in kept_queries
                            if query_tokens[i + stack.query_offset - query_begin] not in special]
        if key_tokens is not None:
            kept_keys = [j for j in kept_keys if key_tokens[j - key_begin] not in special]

    window = metadata.get("sliding_window." + layer_name)
    window = None if window is None else int(window)
    weights = np.zeros((len(heads), len(kept_queries), len(kept_keys)))
    visible = np.zeros((len(kept_queries), len(kept_keys)), dtype=bool)
    distance = np.zeros((len(kept_queries), len(kept_keys)))
    first_key = np.zeros((len(heads), len(kept_queries)))
    for row, i in enumerate(kept_queries):
        position = i + stack.query_offset
        seen = visible_keys(stack, key_begin, key_end, position, keys, window)
        visible[row] = seen[kept_keys]
        distance[row] = [abs(position - j) for j in kept_keys]
        for index, head in enumerate(heads):
            if stored is None:
                full = computed_row(tensors, metadata, layer_name, element, head, i, seen)
            else:
                full = np.where(seen, with_batch(stored)[element, head, i], 0.0)
            kept = full[kept_keys]
            if not np.all(np.isfinite(kept)):
                raise ValueError(f"{layer_name}: element {element}, head {head}, row {i} is not finite")
            mass = math.fsum(kept)
            if exclude_special and mass > 0:
                kept = kept / mass
            weights[index, row] = kept
            if kept_keys and kept_keys[0] == key_begin:
                first_key[index, row] = kept[0]
    return Example(weights, visible, distance, first_key,
                   [i + stack.query_offset - query_begin for i in kept_queries], [j - key_begin for j in kept_keys])


# The numbers

def mean(values):
    values = list(values)
    return math.fsum(values) / len(values) if values else None


def entropy(row):
    return math.fsum(-a * math.log(a) for a in row if a > 0) + 0.0


def each_row(examples, head):
    """(weights, visible, distance, weight at the first key) of every valid query of every example."""
    for example in examples:
        for i in range(example.weights.shape[1]):
            yield (example.weights[head, i], example.visible[i], example.distance[i],
                   example.first_key[head, i])


def head_mean(examples):
    return [Example(e.weights.mean(axis=0, keepdims=True), e.visible, e.distance,
                    e.first_key.mean(axis=0, keepdims=True), e.kept_queries, e.kept_keys) for e in examples]


def locality(examples, head, window):
    return mean(math.fsum(row[distance <= window]) for row, _, distance, _ in each_row(examples, head))


def uniform_locality(examples, window):
    return mean(np.sum(visible & (distance <= window)) / max(np.sum(visible), 1)
                for _, visible, distance, _ in each_row(examples, 0))


def mean_distance(examples, head):
    return mean(math.fsum(row * distance) for row, _, distance, _ in each_row(examples, head))


def similarity_matrix(examples):
    num_heads = examples[0].weights.shape[0]
    flat = [np.concatenate([e.weights[h].ravel() for e in examples]) for h in range(num_heads)]
    norm = [math.sqrt(math.fsum(x * x)) for x in flat]
    return [[math.fsum(flat[a] * flat[b]) / (norm[a] * norm[b]) if norm[a] > 0 and norm[b] > 0 else None
             for b in range(num_heads)] for a in range(num_heads)]


def pairwise_mean(matrix):
    pairs = [matrix[a][b] for a in range(len(matrix)) for b in range(len(matrix)) if a != b]
    return None if None in pairs else mean(pairs)


def metrics(examples, window, positional):
    """Every number of one layer, pooled over the given examples."""
    heads = range(examples[0].weights.shape[0])
    matrix = similarity_matrix(examples)
    average = pairwise_mean(matrix)
    result = {
        "entropies": [mean(entropy(row) for row, _, _, _ in each_row(examples, h)) for h in heads],
        "normalized_entropies": [mean(entropy(row) / math.log(np.sum(visible))
                                      for row, visible, _, _ in each_row(examples, h) if np.sum(visible) >= 2)
                                 for h in heads],
        "confidence": [mean(max(row, default=0.0) for row, _, _, _ in each_row(examples, h)) for h in heads],
        "similarity_matrix": matrix,
        "avg_pairwise_similarity": average,
        "diversity_score": None if average is None else 1 - average,
        "sink_mass": [mean(first for _, _, _, first in each_row(examples, h)) for h in heads],
    }
    if positional:
        result["locality"] = [locality(examples, h, window) for h in heads]
        result["locality_score"] = locality(head_mean(examples), 0, window)
        result["uniform_locality"] = uniform_locality(examples, window)
        result["mean_distance"] = [mean_distance(examples, h) for h in heads]
    return result


def importance(tensors, metadata, stack, layer_name, heads):
    """The four importances of every head, or None without a gradient. Every token counts, excluded or not."""
    if layer_name + ".attention_gradient" not in tensors:
        return None
    gradient = with_batch(tensors[layer_name + ".attention_gradient"])
    batch, num_heads, queries, keys = layer_shape(tensors, layer_name)
    scores = {name: [] for name in ("elementwise", "per_position", "per_example", "per_batch")}
    for index, head in enumerate(range(num_heads) if heads is None else heads):
        elementwise, per_position, gates = [], [], []
        for b in range(batch):
            example = load_example(tensors, metadata, stack, layer_name, b, heads, False)
            query_begin, query_end = valid_range(metadata, stack.query_tokens, b, keys if stack.positional else queries)
            key_begin, key_end = valid_range(metadata, stack.key_tokens, b, keys)
            rows = [i for i in range(queries) if query_begin <= i + stack.query_offset < query_end]
            slopes = gradient[b, head][rows][:, key_begin:key_end]
            product = example.weights[index] * np.where(example.visible, slopes, 0.0)
            elementwise.append(math.fsum(np.abs(product).ravel()))
            per_position.append(math.fsum(abs(math.fsum(row)) for row in product))
            gates.append(math.fsum(product.ravel()))
        scores["elementwise"].append(mean(elementwise))
        scores["per_position"].append(mean(per_position))
        scores["per_example"].append(mean(abs(gate) for gate in gates))
        scores["per_batch"].append(abs(math.fsum(gates)) / batch)
    return scores


def layer_map(example, tokens):
    """Half the head mean, half the token itself, rows divided by their sums; [tokens x tokens] for the kept ones."""
    rows = 0.5 * example.weights.mean(axis=0)
    full = np.zeros((tokens, tokens))
    full[np.ix_(example.kept_queries, example.kept_keys)] = rows
    full += 0.5 * np.eye(tokens)
    return full / full.sum(axis=1, keepdims=True)


def rollout(maps):
    result = np.eye(len(maps[0]))
    for layer in maps:
        result = layer @ result
    return result


def maximum_flow(capacity, source, sink):
    """Shortest augmenting paths (Edmonds and Karp) on a dense matrix of capacities."""
    residual, total = capacity.copy(), 0.0
    while True:
        before, queue = {source: None}, [source]
        for node in queue:
            for other in np.flatnonzero(residual[node] > 1e-15):
                if other not in before:
                    before[other] = node
                    queue.append(other)
        if sink not in before:
            return total
        path, node = [], sink
        while before[node] is not None:
            path.append((before[node], node))
            node = before[node]
        push = min(residual[edge] for edge in path)
        for a, b in path:
            residual[a, b] -= push
            residual[b, a] += push
        total += push


def flow(maps):
    """[token x token]: from each token at the top to each input token, on the maps as capacities."""
    tokens, levels = len(maps[0]), len(maps)
    if levels == 2:  # every path has one node in the middle
        return np.minimum(maps[1][:, :, np.newaxis], maps[0][np.newaxis]).sum(axis=1)
    capacity = np.zeros(((levels + 1) * tokens,) * 2)
    for level, layer in enumerate(maps):  # node (level, token); level 0 is the input
        capacity[(level + 1) * tokens:(level + 2) * tokens, level * tokens:(level + 1) * tokens] = layer
    return np.array([[maximum_flow(capacity, levels * tokens + i, j) for j in range(tokens)]
                     for i in range(tokens)])


def alignment(examples, kept_without_special, gold):
    """The alignment metrics of each head of these examples; the second list has no special tokens."""
    heads = range(examples[0].weights.shape[0])
    numbers = [alignment_of_head([(e.weights[h], best_keys(e, h)) for e in examples]) for h in heads]
    result = {key: [one[key] for one in numbers] for key in numbers[0]}
    if gold is not None:
        result["error_rate"] = [error_rate(kept_without_special, gold, h) for h in heads]
    return result


def alignment_of_head(maps):
    """maps: ([target x source], the best source of each target) of each example."""
    columns = [column for weights, _ in maps for column in weights.T]
    received = [math.fsum(column) for column in columns]
    steps = [step for _, best in maps for step in zip(best, best[1:])]
    moves = [(before, after) for before, after in steps if before != after]
    spread = [entropy(row) / math.log(len(row)) for weights, _ in maps for row in weights if len(row) > 1]
    # Links that targets choose, and links that sources choose where anything reaches them.
    forward = {(e, i, j) for e, (_, best) in enumerate(maps) for i, j in enumerate(best)}
    backward = {(e, int(np.argmax(column)), j) for e, (weights, _) in enumerate(maps)
                for j, column in enumerate(weights.T) if max(column, default=0) > 0}
    correlations = [stats.kendalltau(range(len(best)), best)[0] for _, best in maps if len(set(best)) > 1]
    return {
        "entropy": mean(entropy(row) for weights, _ in maps for row in weights),
        "sharpness": 1 - mean(spread) if spread else None,
        "coverage": mean(float(max(column, default=0) > 0.1) for column in columns),
        "soft_coverage": mean(min(1, r) for r in received),
        "coverage_penalty": mean(math.fsum(math.log(max(1e-10, min(1, math.fsum(column)))) for column in weights.T)
                                 for weights, _ in maps),
        "coverage_deviation": mean(-math.log1p((1 - r) ** 2) for r in received),
        "absent_mindedness_in": mean(entropy(column / r) for column, r in zip(columns, received) if r > 0),
        "monotonicity": mean(float(after >= before) for before, after in steps),
        "strict_monotonicity": mean(float(after > before) for before, after in steps),
        "untied_monotonicity": mean(float(after > before) for before, after in moves),
        "rank_correlation": mean(correlations),
        "agreement": 2 * len(forward & backward) / (len(forward) + len(backward)) if forward or backward else None,
    }


def best_keys(example, head):
    return [int(np.argmax(row)) for row in example.weights[head] if row.size > 0]


def error_rate(examples, gold, head):
    """1 - 2 |A and S| / (|A| + |S|), all gold links sure."""
    found = common = known = 0
    for example, links in zip(examples, gold):
        predicted = {(example.kept_queries[i], example.kept_keys[j])
                     for i, j in enumerate(best_keys(example, head))}
        links = {tuple(link) for link in links}
        found, known, common = found + len(predicted), known + len(links), common + len(predicted & links)
    return None if found + known == 0 else 1 - 2 * common / (found + known)


# Token scores: what a method says of each token, and what two methods say of one another

READOUTS = ("first query", "received")


def inputs_of(tensors, metadata, stack, field, element, kept):
    """[token, dim] of input.<field>, of the tokens `kept`, counted from the first valid one; None without it."""
    if "input." + field not in tensors:
        return None
    rows = tensors["input." + field]
    rows = rows if rows.ndim == 3 else rows[np.newaxis]
    begin, _ = valid_range(metadata, stack.key_tokens, element, rows.shape[1])
    return rows[element][[begin + i for i in kept]]


def input_gradient(gradient):
    return [math.fsum(abs(x) for x in row) for row in gradient]


def read_out(rows, readout):
    """[token] of a map [query x token]."""
    if len(rows) == 0:
        return [None] * rows.shape[1]
    return list(rows[0]) if readout == "first query" else [math.fsum(column) / len(rows) for column in rows.T]


def read_attention(example, readout):
    return read_out(example.weights.mean(axis=0), readout)


def gradient_of(tensors, metadata, stack, layer_name, element, heads, example):
    """A dA [head, query, key] of the valid tokens; None without gradients. example: of every valid token."""
    if layer_name + ".attention_gradient" not in tensors:
        return None
    gradient = with_batch(tensors[layer_name + ".attention_gradient"])[element]
    _, num_heads, _, keys = layer_shape(tensors, layer_name)
    begin, _ = valid_range(metadata, stack.key_tokens, element, keys)
    rows = [begin + i - stack.query_offset for i in example.kept_queries]
    columns = [begin + j for j in example.kept_keys]
    chosen = gradient[range(num_heads) if heads is None else heads][:, rows][:, :, columns]
    return example.weights * np.where(example.visible, chosen, 0.0)


def relevance(products):
    """[token x token]: (I + mean over heads of max(0, A dA)) of the layers, the newest on the left."""
    result = np.eye(products[0].shape[2])
    for product in products:
        result = result + np.maximum(product, 0).mean(axis=0) @ result
    return result


def norm_map(tensors, metadata, stack, layer_name, element, example):
    """[query x key] the length of what each key adds to each query, as far as the layer's fields go."""
    if layer_name + ".value" not in tensors:
        return None
    value = with_batch(tensors[layer_name + ".value"])[element]
    batch, heads, queries, keys = layer_shape(tensors, layer_name)
    dim = value.shape[2]
    begin, _ = valid_range(metadata, stack.key_tokens, element, keys)
    value = value.repeat(heads // value.shape[0], axis=0)[:, [begin + j for j in example.kept_keys]]
    if layer_name + ".value_bias" in tensors:
        bias = tensors[layer_name + ".value_bias"].reshape(-1, 1, dim)
        value = value + bias.repeat(heads // bias.shape[0], axis=0)
    projection = tensors.get(layer_name + ".output_projection", np.eye(heads * dim)).reshape(heads, dim, -1)
    made = np.stack([value[h] @ projection[h] for h in range(heads)])  # [head, key, model]
    residual = tensors.get(layer_name + ".residual")
    if residual is not None:
        residual = (residual if residual.ndim == 3 else residual[np.newaxis])[element]
    weight = tensors.get(layer_name + ".norm_weight") if residual is not None else None
    result = np.zeros((len(example.kept_queries), len(example.kept_keys)))
    for r, position in enumerate(example.kept_queries):
        parts = np.einsum("hj,hjm->jm", example.weights[:, r], made)
        output = parts.sum(axis=0) + tensors.get(layer_name + ".output_bias", 0)
        if residual is not None:
            own = residual[begin + position - stack.query_offset]
            output = output + own
            if position in example.kept_keys:
                parts[example.kept_keys.index(position)] += own
        if weight is not None:
            epsilon = float(metadata.get("norm_epsilon", 1e-5))
            parts = (parts - parts.mean(axis=1, keepdims=True)) * weight / math.sqrt(output.var() + epsilon)
        result[r] = np.sqrt((parts * parts).sum(axis=1))
    return result


def cut(map_of_all, everyone, example):
    """The rows and columns of a map of every valid token that `example` kept."""
    rows = [everyone.kept_queries.index(i) for i in example.kept_queries]
    columns = [everyone.kept_keys.index(j) for j in example.kept_keys]
    return map_of_all[rows][:, columns]


def token_scores(tensors, metadata, name, stack, layers, heads, element, examples_of_layers, maps, of_target):
    """{method: [token]} of one batch element; maps: of rollout and flow, [token x token], where they are there."""
    scores = {}
    kept = examples_of_layers[layers[0]][element].kept_keys

    def both(method, rows):
        for readout in READOUTS:
            scores[f"{method} ({readout})"] = read_out(rows, readout)

    gradient = inputs_of(tensors, metadata, stack, "embedding_gradient", element, kept) if name == "self" else None
    if gradient is not None:
        scores["input gradient"] = input_gradient(gradient)
        scores["input gradient (L2)"] = [math.sqrt(math.fsum(row * row)) for row in gradient]
        scores["input gradient (signed)"] = [math.fsum(row) for row in gradient]
        embedding = inputs_of(tensors, metadata, stack, "embedding", element, kept)
        if embedding is not None:
            scores["gradient x input"] = [math.fsum(row) for row in gradient * embedding]
    products = []
    for layer in layers:
        layer_name, example = f"{name}.{layer}", examples_of_layers[layer][element]
        everyone = load_example(tensors, metadata, stack, layer_name, element, heads, False)
        both(f"attention, layer {layer}", example.weights.mean(axis=0))
        product = gradient_of(tensors, metadata, stack, layer_name, element, heads, everyone)
        if product is not None:
            products.append(product)
            both(f"attention x gradient, layer {layer}", cut(product.mean(axis=0), everyone, example))
        norms = norm_map(tensors, metadata, stack, layer_name, element, everyone) if heads is None else None
        if norms is not None:
            both(f"norm map, layer {layer}", cut(norms, everyone, example))
    for method, through in maps.items():
        both(method, cut(through, everyone, example))
    square = len(everyone.kept_queries) == len(everyone.kept_keys)
    if len(products) == len(layers) and square:
        both("relevance", cut(relevance(products), everyone, example))
    combined = {"input gradient", "rollout (received)", "flow (received)",
                f"attention, layer {layers[-1]} (received)", f"norm map, layer {layers[-1]} (received)"}
    if of_target:  # of a loss, relevance is what speaks against the answer
        combined.add("relevance (received)")
    ranked = [scores[method] for method in scores if method in combined]
    if kept and not any(None in each for each in ranked):
        scores["combined"] = list(np.mean([stats.rankdata(settled(each)) / len(each) for each in ranked], axis=0))
    else:
        scores["combined"] = []
    return scores


def number(value):
    return None if value is None or math.isnan(value) else float(value)


def constant(values):
    return len(values) < 2 or None in values or min(values) == max(values)


def settled(values):
    """Numbers that differ by rounding alone, neighbours within 1e-12 of the largest, made the same."""
    if len(values) == 0 or None in values:
        return values
    least, result, last = 1e-12 * max(map(abs, values)), list(values), None
    for i in sorted(range(len(values)), key=lambda i: -values[i]):
        result[i] = result[last] if last is not None and values[last] - values[i] <= least else values[i]
        last = i
    return result


def statistic_and_p(test, x, y):
    """The statistic and p of a scipy test; None where it is undefined."""
    if constant(x) or constant(y):
        return None, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        statistic, p = test(x, y)[:2]
    return number(statistic), number(p)


def interval(rho, n):
    """95 % of Spearman's rho: Fisher's z, standard error of Bonett and Wright (2000). At |rho| = 1 that of the
    middle between it and the next best order, up to 1."""
    if rho is None or n < 4:
        return [None, None]
    most = 1 - 6 / (n * (n * n - 1))
    centre = min(max(rho, -most), most)
    reach = stats.norm.ppf(0.975) * math.sqrt((1 + centre * centre / 2) / (n - 3))
    ends = [math.tanh(math.atanh(centre) - reach), math.tanh(math.atanh(centre) + reach)]
    return [-1.0 if rho < -1 + 1e-12 else ends[0], 1.0 if rho > 1 - 1e-12 else ends[1]]


def attribution(examples_of_layers, gradients):
    """What the input gradient and the attention of each layer say of one another, of every batch element."""
    elements = []
    for b, gradient in enumerate(gradients):
        per_layer = []
        for layer, examples in examples_of_layers.items():
            for readout in READOUTS:
                attention, scores = read_attention(examples[b], readout), input_gradient(gradient)
                attention, scores = settled(attention), settled(scores)
                rho, p = statistic_and_p(stats.spearmanr, attention, scores)
                tau, _ = statistic_and_p(stats.kendalltau, attention, scores)
                per_layer.append({"layer": layer, "readout": readout, "spearman_correlation": rho,
                                  "p_value": p, "kendall_tau": tau,
                                  "n": len(scores) if None not in attention else 0,
                                  "interval": interval(rho, len(scores))})
        elements.append({"element": b, "method": "input gradient", "per_layer": per_layer})
    return elements


def jensen_shannon(x, y):
    """In nats, of scores divided by their sums; None where one is negative or all are 0."""
    if min(x) < 0 or min(y) < 0 or max(x) == 0 or max(y) == 0:
        return None
    p, q = np.array(x) / math.fsum(x), np.array(y) / math.fsum(y)
    return entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2


def top_overlap(x, y, k=5):
    if len(x) < k or constant(x) or constant(y):
        return None

    def top(values):
        return set(sorted(range(len(values)), key=lambda i: -values[i])[:k])

    def open_which(values):
        falling = sorted(values, reverse=True)
        return len(values) > k and falling[k - 1] == falling[k]

    if open_which(x) or open_which(y):
        return None
    return len(top(x) & top(y)) / k


def statistics(x, y):
    """{name: (statistic, p)} of two methods' scores of one text."""
    x, y = settled(x), settled(y)
    return {
        "spearman_correlation": statistic_and_p(stats.spearmanr, x, y),
        "kendall_tau": statistic_and_p(stats.kendalltau, x, y),
        "weighted_kendall": (statistic_and_p(stats.weightedtau, x, y)[0], None),
        "pearson": statistic_and_p(stats.pearsonr, x, y),
        "top_k_overlap": (top_overlap(x, y), None),
        "jensen_shannon": (jensen_shannon(x, y), None),
    }


def spread(values):
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def method_agreement(all_scores, layers):
    """What the methods of token_scores say of one another; of the layers the last one alone."""
    methods = [method for method in all_scores[0] if not any(f", layer {layer} " in method for layer in layers[:-1])]
    result = {"methods": methods, "examples": len(all_scores)}
    found = {}
    for a in methods:
        for b in methods:
            for scores in all_scores:
                # None: a score that is not defined, of an example that shows no query
                x, y = scores[a], scores[b]
                if x and y and None not in x and None not in y:
                    for name, pair in statistics(x, y).items():
                        found.setdefault((name, a, b), []).append(pair)

    def matrix(name, number_of):
        return [[number_of(found.get((name, a, b), [])) for b in methods] for a in methods]

    for name in ("spearman_correlation", "kendall_tau", "weighted_kendall", "pearson", "top_k_overlap",
                 "jensen_shannon"):
        result[name] = {
            "mean": matrix(name, lambda pairs: mean(value for value, _ in pairs if value is not None)),
            "spread": matrix(name, lambda pairs: spread([value for value, _ in pairs if value is not None])),
            "share_significant": matrix(name, lambda pairs: mean(float(p <= .05) for _, p in pairs
                                                                 if p is not None)),
            "count": matrix(name, lambda pairs: sum(value is not None for value, _ in pairs)),
        }
    return result


def digits(numbers):
    """The same with nine digits: enough to compare with, and shorter."""
    if isinstance(numbers, dict):
        return {key: digits(value) for key, value in numbers.items()}
    if isinstance(numbers, list):
        return [digits(value) for value in numbers]
    return float(f"{numbers:.9g}") if isinstance(numbers, float) else numbers


# The report

def layers_of(tensors):
    """{stack: sorted layers that have attention, or queries and keys}."""
    found = {}
    for name in tensors:
        match = re.fullmatch(r"(.+)\.(\d+)\.(attention|query)", name)
        if match and (match[3] == "attention" or f"{match[1]}.{match[2]}.key" in tensors):
            found.setdefault(match[1], set()).add(int(match[2]))
    return {stack: sorted(layers) for stack, layers in found.items()}


def token_count(metadata, token_list, element, count):
    begin, end = valid_range(metadata, token_list, element, count)
    return end - begin


def stack_report(tensors, metadata, name, layers, window, heads, exclude_special, rollout_too=False, flow_too=False,
                 of_target=False):
    stack = Stack(name, metadata)
    batch, _, queries, keys = layer_shape(tensors, f"{name}.{layers[0]}")
    report = {"num_layers": len(layers), "num_heads": 0, "layers": [], "per_example": []}
    tokens = [valid_tokens(metadata, stack.query_tokens, b, keys if stack.positional else queries)
              for b in range(batch)]
    if tokens[0] is not None:
        report["tokens"] = tokens
    maps = [[] for _ in range(batch)]
    examples_of_layers = {}
    gold = json.loads(metadata.get("gold_alignment", "null"))
    for layer in layers:
        layer_name = f"{name}.{layer}"
        examples = [load_example(tensors, metadata, stack, layer_name, b, heads, exclude_special)
                    for b in range(batch)]
        examples_of_layers[layer] = examples
        report["layers"].append({"layer": layer, **metrics(examples, window, stack.positional)})
        scores = importance(tensors, metadata, stack, f"{name}.{layer}", heads)
        if scores is not None:
            report["layers"][-1]["importance"] = scores
        for b in range(batch):
            alone = metrics([examples[b]], window, stack.positional)
            del alone["similarity_matrix"]
            alone.pop("uniform_locality", None)
            report["per_example"].append({"element": b, "layer": layer, **alone})
        if stack.positional:
            for b in range(batch):
                maps[b].append(layer_map(examples[b], token_count(metadata, stack.key_tokens, b, keys)))
        else:
            without = [load_example(tensors, metadata, stack, layer_name, b, heads, True) for b in range(batch)]
            both = alignment(examples, without, gold)
            mean_heads = alignment(head_mean(examples), head_mean(without), gold)
            both["mean_heads"] = {("alignment_entropy" if key == "entropy" else
                                   "source_coverage" if key == "coverage" else key): value[0]
                                  for key, value in mean_heads.items()}
            report["layers"][-1]["alignment"] = both
    report["num_heads"] = len(report["layers"][0]["entropies"])
    square = len({layer_shape(tensors, f"{name}.{layer}")[2:] for layer in layers}) == 1 and queries == keys
    through_all = {}
    for key, wanted, through in (("rollout", True, rollout), ("flow", flow_too, flow)):
        if wanted and stack.positional and square:
            through_all[key] = [through(m) for m in maps]
    for key, wanted in (("rollout", rollout_too), ("flow", flow_too)):
        if wanted and key in through_all:
            report[key] = [m.round(9).tolist() for m in through_all[key]]
    kept = [example.kept_keys for example in examples]
    gradients = [inputs_of(tensors, metadata, stack, "embedding_gradient", b, kept[b]) for b in range(batch)]
    if name == "self" and gradients[0] is not None:
        report["attribution"] = attribution(examples_of_layers, gradients)
    if stack.positional:
        all_scores = [token_scores(tensors, metadata, name, stack, layers, heads, b, examples_of_layers,
                                   {key: each[b] for key, each in through_all.items()}, of_target)
                      for b in range(batch)]
        report["token_scores"] = [{"element": b, "tokens": kept[b], "scores": digits(all_scores[b])}
                                  for b in range(batch)]
        if "attribution" in report:  # elsewhere it would say the same again, and is long
            report["agreement"] = digits(method_agreement(all_scores, layers))
        report["locality_progression"] = [layer["locality_score"] for layer in report["layers"]]
    return report


def with_target(tensors, target):
    """The gradients of one target in the place of those of no name."""
    gradient = re.compile(r"(.*\.(?:attention|embedding)_gradient)(?:\.(.+))?")
    chosen = {}
    for name, tensor in tensors.items():
        match = gradient.fullmatch(name)
        if match is None:
            chosen[name] = tensor
        elif match[2] == target:
            chosen[match[1]] = tensor
    return chosen


def make_report(path, window=3, layers=None, heads=None, target=None, exclude_special=False, rollout=False, flow=False):
    tensors, metadata = read_safetensors(path)
    tensors = with_target(tensors, target)
    report = {"format": "attnscope-report/1", "source": Path(path).name, "batch": 0, "stacks": {}}
    if "model" in metadata:
        report["model"] = metadata["model"]
    if target is not None:
        report["target"] = target
    for name, present in layers_of(tensors).items():
        chosen = [layer for layer in present if layers is None or layer in layers]
        if chosen:
            report["batch"] = layer_shape(tensors, f"{name}.{chosen[0]}")[0]
            report["stacks"][name] = stack_report(tensors, metadata, name, chosen, window, heads,
                                                  exclude_special, rollout, flow, target is not None)
    return report


def as_text(report):
    """JSON with a line for each list of numbers (no string has a bare newline, so none matches)."""
    text = json.dumps(report, indent=1, allow_nan=False)
    return re.sub(r"\[\n([^\[\]{}\"]*)\]", lambda m: "[" + " ".join(m[1].split()) + "]", text) + "\n"


# Making all, and checking

def variant_name(stem, options):
    name = stem
    for key in ("window", "layers", "heads", "target"):
        if key in options:
            value = options[key]
            name += f"@{key}=" + (",".join(map(str, value)) if isinstance(value, list) else str(value))
    for key in ("exclude_special", "rollout", "flow"):
        if options.get(key):
            name += "@" + key.replace("_", "-")
    return name


def all_results():
    dumps = sorted([*(TESTS / "data").rglob("*.safetensors"),
                    *(TESTS.parent / "examples/data").glob("*.safetensors")])
    for dump in dumps:
        if not layers_of(read_safetensors(dump)[0]):  # the weights of a model
            continue
        for options in [{}, *VARIANTS.get(dump.stem, [])]:
            yield RESULTS / (variant_name(dump.stem, options) + ".json"), make_report(dump, **options)


def make_all():
    RESULTS.mkdir(exist_ok=True)
    for old in RESULTS.glob("*.json"):
        old.unlink()
    for path, report in all_results():
        path.write_text(as_text(report), encoding="utf-8")
        print(path.stem, file=sys.stderr)


def same(a, b):
    """Whether two reports agree, numbers up to the last bits, which are the processor's."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return a == b


def check_all():
    """What is stored is what this script makes, no more and no less."""
    stored = set(RESULTS.glob("*.json"))
    for path, report in all_results():
        if path not in stored or not same(report, json.loads(path.read_text(encoding="utf-8"))):
            raise SystemExit(f"{path.name} is not what --all makes")
        stored.remove(path)
    if stored:
        raise SystemExit(f"of no dump: {sorted(path.name for path in stored)}")


def report_of(weights, metadata=None, **options):
    """The first layer's numbers of one small map [head, query, key], through everything but the file."""
    tensors = {"self.0.attention": np.array(weights, dtype=np.float64)}
    defaults = {"window": 3, "heads": None, "exclude_special": False}
    return stack_report(tensors, metadata or {}, "self", [0], **{**defaults, **options})["layers"][0]


def expect(what, actual, wanted, tolerance=1e-9):
    if not np.allclose(np.array(actual, dtype=float), np.array(wanted, dtype=float), rtol=0, atol=tolerance,
                       equal_nan=True):
        raise SystemExit(f"{what}: {actual}, expected {wanted}")


def self_test():
    e1 = [[.5, .3, .2], [.1, .6, .3], [.25, .25, .5]]
    e2 = [[.2, .5, .3], [.4, .4, .2], [.1, .1, .8]]
    c = [[1, 0, 0], [.5, .5, 0], [.2, .3, .5]]

    both = report_of([e1, e2], window=0)
    expect("entropy of A1", both["entropies"][0], .9891065033)
    expect("confidence", both["confidence"], [1.6 / 3, 1.7 / 3])
    expect("locality within 0", both["locality"], [1.6 / 3, 1.4 / 3])
    expect("locality of the head mean", both["locality_score"], 1.5 / 3)
    expect("mean distance", both["mean_distance"], [(.7 + .4 + .75) / 3, (1.1 + .6 + .3) / 3])
    expect("sink mass", both["sink_mass"], [.85 / 3, .7 / 3])
    cosine = 1.1 / math.sqrt(1.215 * 1.4)  # sums of products of E, by hand
    expect("similarity", both["similarity_matrix"], [[1, cosine], [cosine, 1]])
    expect("diversity", both["diversity_score"], 1 - cosine)

    causal = report_of([c], {"causal": "true"})
    expect("entropy of C", causal["entropies"], [(0 + .6931471806 + 1.0296530141) / 3])
    expect("normalised, first row skipped", causal["normalized_entropies"], [(1 + .9372305632) / 2])
    expect("sink of C", causal["sink_mass"], [.5666667], 1e-7)
    expect("one head has no pairs", [causal["avg_pairwise_similarity"], causal["diversity_score"]],
           [math.nan, math.nan])
    expect("uniform causal locality", report_of([c], {"causal": "true"}, window=1)["uniform_locality"],
           (1 + 1 + 2 / 3) / 3)
    last = report_of([c[2:]], {"causal": "true", "query_offset": "2"}, window=1)
    expect("offset moves the query", last["locality"], [.8])
    expect("offset shows three keys", last["normalized_entropies"], [.9372305632])
    uniform = report_of([np.full((10, 10), .1)])
    expect("uniform locality, n = 10, w = 3", [uniform["uniform_locality"], *uniform["locality"]], [.58, .58])

    padded = np.full((1, 4, 4), math.nan)
    padded[0, 1:, 1:] = e1
    left = report_of(padded, {"starts": "[1]", "lengths": "[3]"}, window=0)
    expect("left padding changes nothing", [*left["entropies"], *left["sink_mass"], *left["locality"]],
           [both["entropies"][0], .85 / 3, 1.6 / 3])

    special = {"tokens": '["a", "[SEP]", "b"]', "special_tokens": '["[SEP]"]'}
    without = report_of([e1], special, window=1, exclude_special=True)  # rows [5/7, 2/7] and [1/3, 2/3]
    expect("excluded: confidence", without["confidence"], [(5 / 7 + 2 / 3) / 2])
    expect("excluded: original distance 2", without["mean_distance"], [(2 / 7 * 2 + 1 / 3 * 2) / 2])
    expect("excluded: locality", without["locality"], [(5 / 7 + 2 / 3) / 2])
    expect("excluded: uniform over two kept keys", without["uniform_locality"], .5)
    expect("excluded: first key kept", without["sink_mass"], [(5 / 7 + 1 / 3) / 2])
    first = {"tokens": '["[SEP]", "a", "b"]', "special_tokens": '["[SEP]"]'}
    expect("excluded: first key gone", report_of([e1], first, exclude_special=True)["sink_mass"], [0])

    # Two keys with scores +-x: the first has 1 / (1 + exp(-2x)), with a sink of logit s one more term.
    pair = {"self.0.query": np.array([[[1.0, 0], [1.0, 0]]]), "self.0.key": np.array([[[4.0, 9], [-4.0, 9]]])}
    everything = np.array([True, True])
    expect("default scale", computed_row(pair, {}, "self.0", 0, 0, 0, everything)[0],
           1 / (1 + math.exp(-8 / math.sqrt(2))))
    capped = {"scale.self.0": "0.5", "soft_cap.self.0": "1.5"}
    expect("soft cap after scale", computed_row(pair, capped, "self.0", 0, 0, 0, everything)[0],
           1 / (1 + math.exp(-3 * math.tanh(2 / 1.5))))
    pair["self.0.sink_logits"] = np.array([.5])
    pair["self.0.attention_bias"] = np.array([[[0, 1.0], [0, 0]]])
    expect("bias and sink", computed_row(pair, {"scale.self.0": "0.25"}, "self.0", 0, 0, 0, everything),
           np.exp([1, 0]) / (math.e + 1 + math.exp(.5)))

    def kept(weights):
        n = len(weights)
        return Example(np.array([weights]), np.ones((n, n), bool), np.zeros((n, n)), np.zeros((1, n)),
                       list(range(n)), list(range(n)))

    maps = [layer_map(kept(weights), 3) for weights in (e1, e2)]
    expect("rollout of E", rollout(maps), [[.48125, .30875, .21], [.1975, .6025, .2], [.1525, .16, .6875]])
    flow_of_e = [[.775, .525, .4], [.35, .95, .35], [.225, .225, .85]]
    expect("flow of E", flow(maps), flow_of_e)
    expect("flow by augmenting paths", flow([np.eye(3) / 2, *maps]), np.minimum(flow_of_e, .5))
    expect("flow through one layer", flow(maps[:1]), maps[0])
    aligned = alignment([kept(c)], [kept(c)], [[[0, 0], [1, 1], [2, 2]]])  # the tie of row 1 goes to key 0
    expect("coverage penalty of C", aligned["coverage_penalty"], [-.9162907319])
    expect("coverage", aligned["coverage"], [1])
    expect("monotonicity", aligned["monotonicity"], [1])
    expect("error rate", aligned["error_rate"], [1 / 3])

    signed = np.array([[[0, 1.0], [-1, 0]], [[0, 3.0], [1, 0]]])  # two heads: positive parts mean [[0, 2], [.5, 0]]
    expect("relevance of one layer", relevance([signed]), [[1, 2], [.5, 1]])
    expect("relevance of two layers", relevance([signed, signed]), [[2, 4], [1, 2]])
    layer = {"x.0.attention": np.array([[e1[0], e1[1], e1[2]]]), "x.0.value": np.array([[[3, 4.0], [0, 2], [1, 0]]])}
    values = [norm_map(layer, {}, Stack("self", {}), "x.0", 0, kept(e1))]
    expect("norm map", values[0], np.array(e1) * [5, 2, 1])
    layer["x.0.residual"] = np.array([[0, 1.0], [0, 0], [4, 0]])
    expect("norm map through the residual", norm_map(layer, {}, Stack("self", {}), "x.0", 0, kept(e1))[0],
           [math.hypot(1.5, 3), .6, .2])
    expect("readouts", [read_out(np.array(e1), readout)[0] for readout in READOUTS], [.5, .85 / 3])
    expect("ties", statistic_and_p(stats.spearmanr, [12, 2, 1, 12, 2], [1, 4, 7, 1, 0]),
           [-.5407380704, .3467146140])
    expect("tau", statistic_and_p(stats.kendalltau, [.1, .25, .05, .4, .2], [.15, .2, .05, .35, .25])[0], .8)
    expect("Jensen-Shannon of rows of E", jensen_shannon(e1[0], e2[0]), .0508746125)
    expect("top 2", top_overlap([3, 1, 2], [3, 2, 1], 2), .5)
    expect("interval of .5 over 28", interval(.5, 28),
           np.tanh(math.atanh(.5) + np.array([-1, 1]) * 1.959963985 * math.sqrt(1.125) / 5))
    expect("interval of 1", interval(1.0, 10)[1], 1)

    expect("bfloat16", decode(bytes([0x80, 0x3f, 0x40, 0xc0]), "BF16"), [1, -3])
    expect("half", decode(bytes([0x00, 0x3c, 0x00, 0xc2]), "F16"), [1, -3])

    cat = make_report(TESTS / "data/use_lite_cat.safetensors")["stacks"]["self"]
    expect("use_lite_cat locality", cat["locality_progression"], [.922, .600], 5e-4)
    expect("use_lite_cat uniform locality", cat["layers"][0]["uniform_locality"], 79 / 169)
    cipher = make_report(TESTS.parent / "examples/data/cipher_batch.safetensors")["stacks"]["cross"]["layers"]
    rates = {(layer["layer"], h): rate for layer in cipher for h, rate in enumerate(layer["alignment"]["error_rate"])}
    expect("the head that aligns", min(rates, key=rates.get), (1, 1))
    check_all()
    print("self-test passed", file=sys.stderr)


def numbers(text):
    return [int(part) for part in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dump", nargs="?")
    parser.add_argument("--window", type=int, default=3)
    parser.add_argument("--layers", type=numbers)
    parser.add_argument("--heads", type=numbers)
    parser.add_argument("--target")
    parser.add_argument("--exclude-special", action="store_true")
    parser.add_argument("--rollout", action="store_true")
    parser.add_argument("--flow", action="store_true")
    parser.add_argument("--all", action="store_true", help="remake tests/report/reference")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        self_test()
    elif options.all:
        make_all()
    elif options.dump:
        sys.stdout.write(as_text(make_report(options.dump, options.window, options.layers, options.heads,
                                             options.target, options.exclude_special,
                                             options.rollout, options.flow)))
    else:
        parser.error("give a DUMP, --all or --self-test")


if __name__ == "__main__":
    main()
