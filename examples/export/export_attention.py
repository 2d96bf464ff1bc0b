#!/usr/bin/env python3
"""Writes what the attention of a Hugging Face model did on a text as a dump for attnscope (docs/dump.md).

From a shell, with a model's name or folder:

    python3 export_attention.py MODEL --text "..." --out my.safetensors

From a notebook, with a model loaded with attn_implementation="eager" and in evaluation mode:

    export_attention.export(model, "my.safetensors", tokenizer=tokenizer, text="...")

docs/export.md says what is written, from which models, and how the dump that ships with attnscope was made.
"""

import argparse
import inspect
import json
import sys
from pathlib import Path

try:
    import torch

    from attention_dump import FIELDS, Dump
    from attention_inputs import ExportError, RequestError, Texts, is_masked_family, left_out, say
    from attention_inputs import special_tokens, token_axes, tokenized
    from attention_listener import Listener
    from attention_scalars import SCALARS, Read
except ImportError as error:
    if __name__ != "__main__":
        raise
    sys.exit(f"export_attention: {error}; it needs torch, numpy and transformers (docs/export.md says which)")

EAGER = 'load it with attn_implementation="eager"'

EXAMPLES = """\
examples:
  A sentence encoder, two sentences at once, gradients of the similarity to a third:
    export_attention.py all-MiniLM-L6-v2 --text "He saw her duck." --pair "It quacked." \\
        --scalar similarity --to "She has a bird." --out pair.safetensors

  A language model, a padded batch, gradients of the log-probability of a word it might say next:
    export_attention.py gpt2 --text "The cat sat on the" --text "Once upon a" \\
        --scalar log-probability --token " mat" --out next.safetensors

  A translation model; of the decoder, what it is fed:
    export_attention.py Helsinki-NLP/opus-mt-en-de --text "A small house." \\
        --target-text "Ein kleines Haus." --scalar loss --out translation.safetensors

  A long text without its n x n weights; attnscope computes them from queries and keys:
    export_attention.py gpt2 --text "$(cat chapter.txt)" --fields query,key --out long.safetensors

What the model does not give, or what does not hold when recomputed, is left out and named on stderr.
Exit code: 0 done, 1 bad input, 2 bad usage.
"""


# The one call


def export(model, path, *, tokenizer=None, text=None, pair=None, target_text=None, inputs=None, scalar="none",
           to=None, token=None, fields=FIELDS, layers=None, name=None):
    """Runs the model once and writes a dump to `path`, in the precision that the model runs in.

    model: a PyTorch model of transformers, loaded with attn_implementation="eager", in evaluation mode.
    text: a string, or a list of them for a padded batch; `pair`: the second sentence of each; `target_text`: what
        the decoder of an encoder-decoder is fed, after its start token. They need a `tokenizer`.
    inputs: instead of texts, what the model's forward takes, by name; a `tokenizer` then only names the tokens.
    scalar: a name of SCALARS; gradients are of it. Or a function (outputs, inputs) -> tensor [batch] whose
        docstring says what it is. The gradients of a batch element are those of its own scalar.
    to: the text of "similarity". token: that of "logit" and "log-probability"; without it, the most probable.
    fields: those of FIELDS to write. layers: their numbers; None writes all. name: what the dump calls the model.

    Raises ExportError where the input is at fault. What cannot be had is named on stderr and left out.
    """
    check_request(text, inputs, scalar, to, token, fields, layers)
    texts, boundary = Texts(text, pair, target_text), None
    check_model(model, scalar)
    if inputs is None:
        inputs, boundary = tokenized(model, tokenizer, texts)

    with torch.enable_grad(), Embeddings(model) as embeddings, Listener() as listener:
        outputs = model(**inputs, output_attentions=True, output_hidden_states=True, return_dict=True)
    stacks = attention_stacks(model, outputs)
    axes = token_axes(inputs, stacks, tokenizer)
    attentions = find_layers(stacks, axes, listener, layers)

    dump = Dump(fields)
    dump.metadata["model"] = name or Path(model.config._name_or_path).name or type(model).__name__
    if text is not None:
        dump.metadata["text"] = texts.described()
    for prefix, axis in axes.items():
        axis.describe(prefix, dump.metadata)
    if all(axis.tokens is not None for axis in axes.values()):
        dump.metadata["special_tokens"] = special_tokens(axes, tokenizer)
    if boundary is not None:
        dump.metadata["sentence_boundary"] = json.dumps(boundary)
    add_attention(dump, attentions)
    add_heard(dump, attentions, getattr(model.config, "attn_logit_softcapping", None))
    add_embedding(dump, embeddings.outputs, next(iter(axes.values())))
    if scalar != "none":
        read = Read(model, tokenizer, inputs, outputs, axes)
        loss, dump.metadata["loss"] = read.scalar(scalar, to, token)
        add_gradients(dump, loss, attentions, embeddings.outputs)
    dump.write(Path(path))


def check_request(text, inputs, scalar, to, token, fields, layers):
    unknown = sorted(set(fields) - set(FIELDS))
    if unknown:
        raise RequestError(f"there is no field {', '.join(unknown)}, only {', '.join(FIELDS)}")
    if not {"attention", "query"} & set(fields) or len({"query", "key"} & set(fields)) == 1:
        raise RequestError("a dump needs the field attention, or query and key, or all three")
    if layers is not None and (not layers or min(layers) < 0):
        raise RequestError("layers are numbers from 0")
    if (text is None) == (inputs is None):
        raise RequestError("give either a text or inputs")
    if not callable(scalar) and scalar not in SCALARS:
        raise RequestError(f"there is no scalar {scalar}, only {', '.join(SCALARS)}")
    if (scalar == "similarity") != (to is not None):
        raise RequestError("the scalar similarity needs `to`, a text to compare with; no other takes it")
    if token is not None and scalar not in ("logit", "log-probability"):
        raise RequestError("only the scalars logit and log-probability take a token")


def check_model(model, scalar):
    name = type(model).__name__
    if model.training:
        raise ExportError(f"{name} is in training mode, where dropout changes the attention; call model.eval()")
    implementation = getattr(model.config, "_attn_implementation", None) or "eager"
    if implementation != "eager":
        raise ExportError(f"{name} computes attention by {implementation!r}, which keeps no weights; {EAGER}")
    parameters = inspect.signature(model.forward).parameters.values()
    if not any(p.name == "output_attentions" or p.kind is p.VAR_KEYWORD for p in parameters):
        raise ExportError(f"{name} has no attention to give: its forward takes no output_attentions")
    if scalar == "similarity" and model.config.is_encoder_decoder:
        raise ExportError("the scalar similarity is for models with one stack")


# The model's run


class Embeddings:
    """with Embeddings(model) as e: model(...); then e.outputs are the token embeddings, where gradients end."""

    def __init__(self, model):
        parts = [model]
        if model.config.is_encoder_decoder:
            parts += [model.get_encoder(), model.get_decoder()]
        self.modules = {module for module in map(self.of, parts) if module is not None}
        self.outputs, self.hooks = [], []

    @staticmethod
    def of(part):
        try:
            return part.get_input_embeddings()
        except (NotImplementedError, AttributeError):
            return None

    def hook(self, module, inputs, output):
        if not isinstance(output, torch.Tensor):
            return None
        self.outputs.append(output.detach().requires_grad_())
        return self.outputs[-1].clone()  # some models overwrite it

    def __enter__(self):
        self.hooks = [module.register_forward_hook(self.hook) for module in self.modules]
        return self

    def __exit__(self, *error):
        for hook in self.hooks:
            hook.remove()


def attention_stacks(model, outputs):
    """{stack: (metadata prefix of its queries, of its keys, attention of every layer)}."""
    if model.config.is_encoder_decoder:
        named = {
            "encoder": ("source_", "source_", "encoder_attentions"),
            "decoder": ("target_", "target_", "decoder_attentions"),
            "cross": ("target_", "source_", "cross_attentions"),
        }
    else:
        named = {"self": ("", "", "attentions")}
    stacks = {}
    for stack, (queries, keys, name) in named.items():
        layers = getattr(outputs, name, None) or ()
        if any(layer is not None for layer in layers):
            stacks[stack] = (queries, keys, layers)
    if not stacks:
        raise ExportError(f"{type(model).__name__} gave no attention; if it has any, {EAGER}")
    return stacks


# Layers


class Attention:
    """The weights of one layer, and what was heard of them."""

    def __init__(self, stack, layer, weights, queries, keys, heard):
        self.stack, self.name, self.weights, self.heard = stack, f"{stack}.{layer}", weights, heard
        self.queries, self.keys = queries.valid.to(weights.device), keys.valid.to(weights.device)
        self.valid = (self.queries[:, None, :, None] & self.keys[:, None, None, :]).expand(weights.shape)
        masked = weights.detach() == 0 if heard is None else heard.masked(weights.detach())
        self.seen = self.valid & ~masked

    def window(self, is_causal):
        """How many keys a causal query sees at most, itself included; None where nothing is cut off."""
        if self.heard is None or not is_causal:
            return None
        behind = self.distances().expand(self.seen.shape)
        longest = int(behind[self.seen].max())
        return longest + 1 if longest < behind[self.valid].max() else None

    def fields(self, is_causal, soft_cap):
        """(tensors by field, numbers, what is missing and why)."""
        if self.heard is None:
            fields = ("query", "key", "value", "output_projection", "residual")
            return {}, {}, [(fields, "these weights come from no softmax of torch's own that was heard")]
        visible, window = self.valid, self.window(is_causal)
        if is_causal:
            visible = visible & (self.distances() >= 0)
        if window is not None:
            visible = visible & (self.distances() < window)
        return self.heard.fields(self.weights.detach(), visible, self.seen, soft_cap)

    def true_entries(self, field):
        """Which entries of a field are of true tokens; None where it has no tokens."""
        if field in ("query", "residual"):
            return self.queries[:, None, :, None] if field == "query" else self.queries[..., None]
        return self.keys[:, None, :, None] if field in ("key", "value") else None

    def distances(self):
        """[query, key]: how far the key is behind the query."""
        queries, keys = (torch.arange(count, device=self.valid.device) for count in self.valid.shape[2:])
        return queries[:, None] - keys

    def looks_ahead(self):
        return bool((self.seen & (self.distances() < 0)).any())


def find_layers(stacks, axes, listener, layers):
    found = []
    for stack, (queries, keys, all_weights) in stacks.items():
        for layer, weights in enumerate(all_weights):
            if weights is None:
                say(f"left out: {stack}.{layer} (the model gives no attention of this layer)")
                continue
            heard = listener.find(weights)  # of every layer, so that order tells equal weights apart
            if layers is None or layer in layers:
                found.append(Attention(stack, layer, weights, axes[queries], axes[keys], heard))
        if layers is not None and max(layers) >= len(all_weights):
            raise ExportError(f"no layer {max(layers)}: {stack} has {len(all_weights)}")
    return found


# The dump


def add_attention(dump, attentions):
    ahead = {attention.stack for attention in attentions if attention.looks_ahead()}
    if "decoder" in ahead:
        raise ExportError("the decoder looks ahead, and a dump cannot say so")
    if any(attention.stack == "self" for attention in attentions):
        dump.metadata["causal"] = json.dumps("self" not in ahead)
    for attention in attentions:
        dump.add(attention.name + ".attention", attention.weights, attention.valid)


def add_heard(dump, attentions, soft_cap):
    """What stands beside the weights, as far as it was heard and holds."""
    missing, epsilons = {}, set()
    causal_stacks = {"decoder", "self"} if dump.metadata.get("causal") == "true" else {"decoder"}
    for attention in attentions:
        is_causal = attention.stack in causal_stacks
        tensors, numbers, missed = attention.fields(is_causal, soft_cap)
        for field, tensor in tensors.items():
            dump.add(f"{attention.name}.{field}", tensor, attention.true_entries(field))
        epsilons.add(numbers.pop("norm_epsilon", None))
        if "key" not in dump.fields:
            numbers = {}
        if attention.window(is_causal) is not None:
            numbers["sliding_window"] = attention.window(is_causal)
        if any(f"{attention.name}.{field}" in dump.tensors for field in ("attention", "query")):
            dump.metadata.update({f"{what}.{attention.name}": repr(number) for what, number in numbers.items()})
        for fields, why in missed:
            wanted = ", ".join(field for field in fields if field in dump.fields)
            missing.setdefault((wanted, why), []).append(attention.name)
    if "norm" in dump.fields and len(epsilons) == 1 and None not in epsilons:
        dump.metadata["norm_epsilon"] = repr(epsilons.pop())
    for (fields, why), names in missing.items():
        if fields:
            left_out(fields, names, why)


def add_embedding(dump, embeddings, axis):
    if not embeddings or embeddings[0].shape[:2] != (axis.batch, axis.count):
        say("left out: embedding (the model's token embedding was not used, or is not [batch, token, dim])")
        return
    dump.add("input.embedding", embeddings[0], axis.valid[..., None].to(embeddings[0].device))


def add_gradients(dump, loss, attentions, embeddings):
    """Of the sum over the batch: its elements do not know each other, so each has that of its own scalar."""
    targets = {a.name + ".attention_gradient": (a.weights, a.valid) for a in attentions}
    if "input.embedding" in dump.tensors:
        targets["input.embedding_gradient"] = (embeddings[0], None)
    gradients = torch.autograd.grad(loss.sum(), [tensor for tensor, _ in targets.values()], allow_unused=True)
    unused = []
    for (name, (_, valid)), gradient in zip(targets.items(), gradients):
        if gradient is None:
            unused.append(name.rsplit(".", 1)[0])
        else:
            dump.add(name, gradient, valid)
    if unused:
        left_out("gradient", unused, "the scalar does not depend on it")


# The command line


def parser():
    parser = argparse.ArgumentParser(
        prog="export_attention.py", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Writes what the attention of a Hugging Face model did on a text as a dump for attnscope.")
    option = parser.add_argument
    option("model", metavar="MODEL", help="name or folder of a transformers model with a tokenizer")
    option("--text", action="append", required=True, help="the text; several make a padded batch")
    option("--pair", action="append", metavar="TEXT", help="the second sentence, one a --text")
    option("--target-text", action="append", metavar="TEXT",
           help="what the decoder of an encoder-decoder is fed, one a --text")
    option("--scalar", choices=SCALARS, default="none", help="what gradients are of (default: none): " +
           "; ".join(f"{name}: {meaning}" for name, meaning in SCALARS.items()))
    option("--to", metavar="TEXT", help="the text of --scalar similarity")
    option("--token", help="the token of --scalar logit and log-probability, such as ' mat'")
    option("--fields", type=names, default=FIELDS, metavar="A,B",
           help=f"what to write; without it all: {', '.join(FIELDS)}")
    option("--layers", type=numbers, metavar="N,M", help="only these layers, from 0")
    option("--dtype", choices=("float32", "float64", "float16", "bfloat16"), default="float32",
           help="what the model runs in and the dump is stored in (default: float32)")
    option("--name", help="what the dump calls the model (default: the last part of MODEL)")
    option("--out", required=True, metavar="FILE", help="the dump, such as my.safetensors")
    return parser


def names(text):
    return text.split(",")


def numbers(text):
    return [int(number) for number in text.split(",")]


def load(name, scalar, dtype):
    """(model, tokenizer), the model of the class that has what the scalar is made of."""
    import transformers

    try:
        config = transformers.AutoConfig.from_pretrained(name)
        if scalar not in ("logit", "log-probability", "loss"):
            family = transformers.AutoModel
        elif config.is_encoder_decoder:
            family = transformers.AutoModelForSeq2SeqLM
        elif is_masked_family(config):
            family = transformers.AutoModelForMaskedLM
        else:
            family = transformers.AutoModelForCausalLM
        model = family.from_pretrained(name, attn_implementation="eager")
        return model.to(getattr(torch, dtype)).eval(), transformers.AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, KeyError) as error:
        raise ExportError(f"cannot load {name}: {error}") from error


def main(arguments=None):
    options = vars(parser().parse_args(arguments))
    out, name, dtype = options.pop("out"), options.pop("model"), options.pop("dtype")
    try:
        check_request(options["text"], None, *map(options.get, ("scalar", "to", "token", "fields", "layers")))
        model, tokenizer = load(name, options["scalar"], dtype)
        export(model, out, tokenizer=tokenizer, **options)
    except RequestError as error:
        parser().error(error)  # ends the program with 2
    except (ExportError, OSError) as error:
        say(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
