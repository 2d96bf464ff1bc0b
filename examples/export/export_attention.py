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
import os
import struct
import sys
from pathlib import Path

try:
    import torch

    from listen import Listener
    from scalars import SCALARS, ExportError, Read, accepted
except ImportError as error:
    sys.exit(f"export_attention: {error}; it needs torch and transformers: "
             f"pip install -r {Path(__file__).with_name('requirements.txt')}")

FIELDS = ("attention", "attention_gradient", "query", "key", "value", "output_projection", "residual", "norm",
          "embedding")
# Tensors that go with a field of another name.
FIELD_OF = {"attention_bias": "key", "output_bias": "output_projection", "norm_weight": "norm", "norm_bias": "norm",
            "embedding_gradient": "embedding"}



def say(text):
    print(f"export_attention: {text}", file=sys.stderr)


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

def export(model, path, *, tokenizer=None, text=None, pair=None, target_text=None, inputs=None, scalar="none", to=None,
           token=None, fields=FIELDS, layers=None, name=None):
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
    check_model(model)
    check_request(model, fields, text, inputs, scalar, to)
    texts = Texts(text, pair, target_text)
    if inputs is None:
        inputs, boundary = tokenized(model, tokenizer, texts)
    else:
        inputs, boundary = {name: tensor for name, tensor in inputs.items() if tensor is not None}, None

    with torch.enable_grad(), Embeddings(model) as embeddings, Listener() as listener:
        outputs = run(model, inputs)
    stacks = attention_stacks(model, outputs)
    axes = token_axes(inputs, stacks, tokenizer)
    attentions = find_layers(stacks, axes, listener, layers)

    dump = Dump(fields)
    dump.metadata["model"] = name or model.config._name_or_path.rstrip("/").split("/")[-1] or type(model).__name__
    if text is not None:
        dump.metadata["text"] = texts.described()
    for prefix, axis in axes.items():
        axis.describe(prefix, dump.metadata)
    if boundary is not None:
        dump.metadata["sentence_boundary"] = json.dumps(boundary)
    add_attention(dump, attentions)
    add_heard(dump, attentions, soft_cap=getattr(model.config, "attn_logit_softcapping", None))
    add_embedding(dump, embeddings.outputs, next(iter(axes.values())))
    if scalar != "none":
        loss, dump.metadata["loss"] = stated_scalar(scalar, model, tokenizer, inputs, outputs, axes, to, token)
        add_gradients(dump, loss, attentions, embeddings.outputs)
    dump.write(Path(path))


def check_model(model):
    name = type(model).__name__
    if model.training:
        raise ExportError(f"{name} is in training mode, where dropout changes the attention; call model.eval() first")
    implementation = getattr(model.config, "_attn_implementation", None) or "eager"
    if implementation != "eager":
        raise ExportError(f"{name} runs its attention as {implementation!r}, which keeps no weights; "
                          'load it with attn_implementation="eager"')
    parameters = inspect.signature(model.forward).parameters.values()
    if not any(p.name == "output_attentions" or p.kind is p.VAR_KEYWORD for p in parameters):
        raise ExportError(f"{name} gives no attention: its forward knows no output_attentions")


def check_request(model, fields, text, inputs, scalar, to):
    unknown = sorted(set(fields) - set(FIELDS))
    if unknown:
        raise ExportError(f"no field {', '.join(unknown)}; there are {', '.join(FIELDS)}")
    if not {"attention", "query"} & set(fields) or len({"query", "key"} & set(fields)) == 1:
        raise ExportError("a dump needs the attention, or query and key, or all three")
    if (text is None) == (inputs is None):
        raise ExportError("give either text, or inputs")
    if not callable(scalar) and scalar not in SCALARS:
        raise ExportError(f"no scalar {scalar!r}; there are {', '.join(SCALARS)}")
    if (scalar == "similarity") != (to is not None):
        raise ExportError("the similarity needs a text to compare with, and nothing else does")
    if scalar == "similarity" and model.config.is_encoder_decoder:
        raise ExportError("the similarity is of models with one stack")


# Running the model

class Texts:
    """Texts, second sentences and target texts, as lists or None."""

    def __init__(self, text, pair, target):
        as_list = lambda strings: [strings] if isinstance(strings, str) else strings
        self.text, self.pair, self.target = as_list(text), as_list(pair), as_list(target)
        for name, others in (("second sentences", self.pair), ("target texts", self.target)):
            if others is not None and len(others) != len(self.text or []):
                raise ExportError(f"{len(self.text or [])} texts, but {len(others)} {name}")

    def described(self):
        parts = [part for part in (self.text, self.pair, self.target) if part is not None]
        examples = [example[0] if len(example) == 1 else list(example) for example in zip(*parts)]
        alone = examples[0] if len(examples) == 1 else examples
        return alone if isinstance(alone, str) else json.dumps(alone, ensure_ascii=False)


def tokenized(model, tokenizer, texts):
    """(inputs of the model, where the second sentence begins: a number, or one a batch element, or None)."""
    if tokenizer is None:
        raise ExportError("texts need a tokenizer")
    encoder_decoder = model.config.is_encoder_decoder
    if encoder_decoder != (texts.target is not None):
        raise ExportError("an encoder-decoder needs a target text" if encoder_decoder else
                          "only an encoder-decoder takes a target text")
    encoded = encode(tokenizer, texts.text, texts.pair)
    inputs = accepted(model, encoded)
    if encoder_decoder:
        inputs.update(decoder_inputs(model, tokenizer, texts.target))
    elif not encoded["attention_mask"][:, 0].all() and "position_ids" in inspect.signature(model.forward).parameters \
            and not is_masked_family(model.config):
        # As in generation: positions count true tokens. Masked language models count for themselves.
        inputs["position_ids"] = (encoded["attention_mask"].cumsum(-1) - 1).clamp(min=0)
    most = getattr(model.config, "max_position_embeddings", None)
    longest = max(ids.shape[1] for name, ids in inputs.items() if name.endswith("input_ids"))
    if most is not None and longest > most > 0:
        raise ExportError(f"{longest} tokens are more than the {most} that {type(model).__name__} takes")
    boundary = None
    if texts.pair is not None:
        boundary = [second_sentence(encoded, element) for element in range(len(texts.text))]
        if None in boundary:
            say("left out: sentence_boundary (this tokenizer does not tell)")
            boundary = None
        elif len(boundary) == 1:
            boundary = boundary[0]
    return {name: tensor.to(model.device) for name, tensor in inputs.items()}, boundary


def encode(tokenizer, *texts, **options):
    count = len(next(iter([*[t for t in texts if t is not None], *options.values()])))
    if count > 1 and tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise ExportError("several texts need a tokenizer with a pad token; set tokenizer.pad_token")
        say(f"the tokenizer has no pad token; its end token {tokenizer.eos_token!r} pads")
        tokenizer.pad_token = tokenizer.eos_token
    encoded = tokenizer(*texts, padding=count > 1, return_tensors="pt", **options)
    if "attention_mask" not in encoded:
        encoded["attention_mask"] = torch.ones_like(encoded["input_ids"])
    if encoded["input_ids"].shape[1] == 0:
        raise ExportError("the text has no tokens")
    return encoded


def decoder_inputs(model, tokenizer, target):
    """The target texts behind the decoder's start token, as in training: token i is what predicts token i + 1."""
    encoded = encode(tokenizer, text_target=target)
    labels, mask = encoded["input_ids"], encoded["attention_mask"]
    if not mask[:, 0].all():
        raise ExportError('target texts are padded on the right; set tokenizer.padding_side = "right"')
    if hasattr(model, "prepare_decoder_input_ids_from_labels"):
        ids = model.prepare_decoder_input_ids_from_labels(labels=labels)
    else:
        start = torch.full_like(labels[:, :1], model.config.decoder_start_token_id)
        ids = torch.cat([start, labels[:, :-1]], 1)
    return {"decoder_input_ids": ids, "decoder_attention_mask": mask}


def second_sentence(encoded, element):
    """The first token of the second sentence, counted from the first true token; None if the tokenizer is mute."""
    if encoded.is_fast:
        sentence = [0 if number is None else number for number in encoded.sequence_ids(element)]
    else:
        sentence = encoded.get("token_type_ids", torch.zeros_like(encoded["input_ids"]))[element].tolist()
    begin = int(encoded["attention_mask"][element].argmax())
    return sentence.index(1) - begin if 1 in sentence else None


def is_masked_family(config):
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES
    return config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES


class Embeddings:
    """with Embeddings(model) as e: model(...); then e.outputs are the token embeddings, of which gradients start."""

    def __init__(self, model):
        parts = [model]
        if model.config.is_encoder_decoder:
            parts += [model.get_encoder(), model.get_decoder()]
        self.modules = list({id(module): module for module in map(self.of, parts) if module is not None}.values())
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


def run(model, inputs):
    return model(**inputs, output_attentions=True, output_hidden_states=True, return_dict=True)


def attention_stacks(model, outputs):
    """{stack: (metadata prefix of its queries, of its keys, attention of every layer)}."""
    if model.config.is_encoder_decoder:
        named = {"encoder": ("source_", "source_", "encoder_attentions"),
                 "decoder": ("target_", "target_", "decoder_attentions"),
                 "cross": ("target_", "source_", "cross_attentions")}
    else:
        named = {"self": ("", "", "attentions")}
    stacks = {}
    for stack, (queries, keys, name) in named.items():
        layers = getattr(outputs, name, None) or ()
        if any(layer is not None for layer in layers):
            stacks[stack] = (queries, keys, layers)
    if not stacks:
        raise ExportError(f'{type(model).__name__} gave no attention; if it has any, load it with '
                          'attn_implementation="eager"')
    return stacks


def stated_scalar(scalar, model, tokenizer, inputs, outputs, axes, to, token):
    """(tensor [batch], what it is in words)."""
    prefix, axis = list(axes.items())[-1]  # what the output is about: the target of an encoder-decoder
    ids = inputs.get("decoder_input_ids" if prefix == "target_" else "input_ids")
    with torch.enable_grad():
        if callable(scalar):
            loss, words = scalar(outputs, inputs), inspect.getdoc(scalar) or scalar.__name__
        else:
            loss, words = Read(model, tokenizer, outputs, ids, axis.valid.to(model.device)).scalar(scalar, to, token)
    if loss.shape != (axis.batch,):
        raise ExportError(f"the scalar has shape {list(loss.shape)}, not [{axis.batch}]: one number a batch element")
    if not torch.isfinite(loss).all():
        raise ExportError(f"the scalar is not finite: {loss.tolist()}")
    return loss, words


# Tokens

class Axis:
    """The tokens of one text a batch element: which positions are true, and what they are called."""

    def __init__(self, ids, mask, batch, count, tokenizer):
        self.batch, self.count = batch, count
        self.valid = torch.ones(batch, count, dtype=torch.bool) if mask is None else mask.cpu().bool()
        self.begins = self.valid.long().argmax(1).tolist()
        self.lengths = self.valid.sum(1).tolist()
        for element, (begin, length) in enumerate(zip(self.begins, self.lengths)):
            if length == 0 or not self.valid[element, begin:begin + length].all():
                raise ExportError(f"batch element {element}: the attention mask is not one run of true tokens")
        self.tokens, self.special = None, []
        if ids is not None and tokenizer is not None:
            true_ids = [row[valid].tolist() for row, valid in zip(ids.cpu(), self.valid)]
            self.tokens = [[as_string(token) for token in tokenizer.convert_ids_to_tokens(row)] for row in true_ids]
            special = set(tokenizer.all_special_ids)
            self.special = [token for row, tokens in zip(true_ids, self.tokens)
                            for number, token in zip(row, tokens) if number in special]

    def describe(self, prefix, metadata):
        if self.tokens is not None:
            tokens = self.tokens if self.batch > 1 else self.tokens[0]
            metadata[prefix + "tokens"] = json.dumps(tokens, ensure_ascii=False)
            known = json.loads(metadata.get("special_tokens", "[]"))
            metadata["special_tokens"] = json.dumps(sorted({*known, *self.special}), ensure_ascii=False)
        metadata[prefix + "lengths"] = json.dumps(self.lengths)
        if any(self.begins):
            metadata[prefix + "starts"] = json.dumps(self.begins)


def as_string(token):
    return token.decode("utf-8", "replace") if isinstance(token, bytes) else token


def token_axes(inputs, stacks, tokenizer):
    """{metadata prefix: Axis}, the source's first."""
    axes = {}
    for queries, keys, layers in stacks.values():
        shape = next(layer.shape for layer in layers if layer is not None)
        for prefix, count in ((keys, shape[3]), (queries, shape[2])):
            decoder = "decoder_" if prefix == "target_" else ""
            ids, mask = inputs.get(decoder + "input_ids"), inputs.get(decoder + "attention_mask")
            if mask is not None and tuple(mask.shape) != (shape[0], count):
                raise ExportError(f"the attention has shape {list(shape)}, the {decoder}attention_mask {list(mask.shape)}: "
                                  "not one weight for each pair of tokens")
            if prefix not in axes:
                axes[prefix] = Axis(ids, mask, shape[0], count, tokenizer)
    if any(axis.tokens is None for axis in axes.values()):
        say("left out: tokens (they need input_ids and a tokenizer)")
    return axes


# Layers

class Attention:
    """The weights of one layer, and what was heard of them."""

    def __init__(self, stack, layer, weights, queries, keys, heard):
        self.stack, self.layer, self.name, self.weights, self.heard = stack, layer, f"{stack}.{layer}", weights, heard
        self.queries, self.keys = queries.valid.to(weights.device), keys.valid.to(weights.device)
        self.valid = (self.queries[:, None, :, None] & self.keys[:, None, None, :]).expand(weights.shape)
        masked = self.weights.detach() == 0 if heard is None else heard.masked(weights.detach())
        self.seen = self.valid & ~masked

    def true_entries(self, field):
        """Which entries of a field are of true tokens; None where it has no tokens."""
        if field in ("query", "residual"):
            return self.queries[:, None, :, None] if field == "query" else self.queries[..., None]
        return self.keys[:, None, :, None] if field in ("key", "value") else None

    def distances(self):
        """[query, key]: how far the key is behind the query."""
        return torch.arange(self.valid.shape[2])[:, None] - torch.arange(self.valid.shape[3])[None]

    def looks_ahead(self):
        return bool((self.seen & (self.distances() < 0).to(self.seen.device)).any())

    def window(self):
        """How many keys a query of a causal layer sees at most, itself included; None where nothing is cut off."""
        behind = self.distances().to(self.seen.device).expand(self.seen.shape)
        return int(behind[self.seen].max()) + 1 if behind[self.seen].max() < behind[self.valid].max() else None

    def visible(self, causal, window):
        """What the dump says that is seen."""
        behind = self.distances().to(self.valid.device)
        visible = self.valid & (behind >= 0) if causal else self.valid
        return visible if window is None else visible & (behind < window)


def find_layers(stacks, axes, listener, layers):
    found = []
    for stack, (queries, keys, all_weights) in stacks.items():
        for layer, weights in enumerate(all_weights):
            if weights is None:
                say(f"left out: {stack}.{layer} (the model gives no attention of this layer)")
                continue
            heard = listener.find(weights)  # also of layers that are not asked for, so that order tells them apart
            if layers is None or layer in layers:
                found.append(Attention(stack, layer, weights, axes[queries], axes[keys], heard))
        if layers is not None and max(layers) >= len(all_weights):
            raise ExportError(f"no layer {max(layers)}: {stack} has {len(all_weights)}")
    return found


# The dump

def add_attention(dump, attentions):
    for attention in attentions:
        dump.add(attention.name + ".attention", attention.weights, attention.valid)
    of_self = [attention for attention in attentions if attention.stack == "self"]
    if of_self:
        dump.metadata["causal"] = json.dumps(not any(attention.looks_ahead() for attention in of_self))
    if any(attention.stack == "decoder" and attention.looks_ahead() for attention in attentions):
        raise ExportError("the decoder looks ahead; a dump cannot say so")


def add_heard(dump, attentions, soft_cap):
    """What stands beside the weights, as far as it was heard and holds."""
    missing, epsilons = {}, set()
    for attention in attentions:
        if attention.heard is None:
            tensors, numbers, reasons = {}, {}, [
                "query, key, value, output_projection, residual: this attention is not made of torch's matmul and softmax"]
        else:
            causal = attention.stack == "decoder" or attention.stack == "self" and dump.metadata["causal"] == "true"
            window = attention.window() if causal else None
            if window is not None:
                dump.metadata[f"sliding_window.{attention.name}"] = str(window)
            tensors, numbers, reasons = attention.heard.fields(
                attention.weights.detach(), attention.visible(causal, window), attention.seen, soft_cap)
        if "norm_epsilon" in numbers:
            epsilons.add(numbers["norm_epsilon"])
        if "key" in dump.fields:
            dump.metadata.update({f"{name}.{attention.name}": repr(numbers[name])
                                  for name in ("scale", "soft_cap") if name in numbers})
        for field, tensor in tensors.items():
            dump.add(f"{attention.name}.{field}", tensor, attention.true_entries(field))
        for reason in reasons:
            missing.setdefault(reason, []).append(attention.name)
    if "norm" in dump.fields and len(epsilons) == 1:
        dump.metadata["norm_epsilon"] = repr(epsilons.pop())
    for reason, names in missing.items():
        what, why = reason.split(": ")
        if dump.fields & set(what.split(", ")):
            say(f"left out: {what} of {names[0] + (f' to {names[-1]}' if len(names) > 1 else '')} ({why})")


def add_embedding(dump, embeddings, axis):
    if not embeddings or embeddings[0].shape[:2] != (axis.batch, axis.count):
        say("left out: embedding (the model's token embedding was not used, or is not [batch, token, dim])")
        return
    dump.add("input.embedding", embeddings[0], axis.valid[..., None].to(embeddings[0].device))


def add_gradients(dump, loss, attentions, embeddings):
    """Of the sum over the batch; examples do not know each other, so each has the gradient of its own scalar."""
    targets = {attention.name + ".attention_gradient": (attention.weights, attention.valid) for attention in attentions}
    if "input.embedding" in dump.tensors:
        targets["input.embedding_gradient"] = (embeddings[0], None)
    gradients = torch.autograd.grad(loss.sum(), [tensor for tensor, _ in targets.values()], allow_unused=True)
    for (name, (_, valid)), gradient in zip(targets.items(), gradients):
        if gradient is None:
            say(f"left out: {name} (the scalar does not depend on it)")
        else:
            dump.add(name, gradient, valid)


class Dump:
    """Tensors and metadata in the format of docs/dump.md."""

    TYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}

    def __init__(self, fields):
        self.fields, self.tensors, self.metadata = set(fields), {}, {}

    def add(self, name, tensor, valid=None):
        """valid: which entries are of true tokens; the rest, whatever it is, becomes 0."""
        if FIELD_OF.get(name.split(".")[-1], name.split(".")[-1]) not in self.fields:
            return
        tensor = tensor.detach()
        if valid is not None:
            tensor = tensor.masked_fill(~valid, 0)
        if not torch.isfinite(tensor).all():
            raise ExportError(f"{name} is not finite")
        self.tensors[name] = tensor.cpu().contiguous()

    def write(self, path):
        """To a temporary name, then renamed: nobody sees half a dump. The same dump is the same bytes."""
        header, at = {"__metadata__": dict(sorted(self.metadata.items()))}, 0
        for name, tensor in sorted(self.tensors.items()):
            size = tensor.numel() * tensor.element_size()
            header[name] = {"dtype": self.TYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + size]}
            at += size
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with open(temporary, "wb") as file:
                file.write(struct.pack("<Q", len(text)) + text)
                for _, tensor in sorted(self.tensors.items()):
                    file.write(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


# The command line

def parser():
    parser = argparse.ArgumentParser(
        prog="export_attention.py", epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Writes what the attention of a Hugging Face model did on a text as a safetensors dump for attnscope.")
    parser.add_argument("model", metavar="MODEL", help="name or folder of a transformers model with a tokenizer")
    parser.add_argument("--text", action="append", required=True, help="the text; several make a padded batch")
    parser.add_argument("--pair", action="append", metavar="TEXT", help="the second sentence, one a --text")
    parser.add_argument("--target-text", action="append", metavar="TEXT",
                        help="what the decoder of an encoder-decoder is fed, one a --text")
    parser.add_argument("--scalar", choices=SCALARS, default="none", help="what gradients are of (default: none): " +
                        "; ".join(f"{name}: {meaning}" for name, meaning in SCALARS.items()))
    parser.add_argument("--to", metavar="TEXT", help="the text of --scalar similarity")
    parser.add_argument("--token", help="the token of --scalar logit and log-probability, such as ' mat'")
    parser.add_argument("--fields", type=lambda text: text.split(","), default=FIELDS, metavar="A,B",
                        help="what to write; all of " + ",".join(FIELDS) + " by default")
    parser.add_argument("--layers", type=lambda text: [int(n) for n in text.split(",")], metavar="N,M",
                        help="only these layers, from 0")
    parser.add_argument("--dtype", choices=("float32", "float64", "float16", "bfloat16"), default="float32",
                        help="what the model runs in and the dump is stored in (default: float32)")
    parser.add_argument("--name", help="what the dump calls the model (default: the last part of MODEL)")
    parser.add_argument("--out", required=True, metavar="FILE", help="the dump, such as my.safetensors")
    return parser


def load(name, scalar, dtype):
    """(model, tokenizer), the model of the class that has what the scalar is made of."""
    import transformers
    try:
        config = transformers.AutoConfig.from_pretrained(name)
        family = transformers.AutoModel
        if scalar in ("logit", "log-probability", "loss"):
            family = (transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else
                      transformers.AutoModelForMaskedLM if is_masked_family(config) else
                      transformers.AutoModelForCausalLM)
        model = family.from_pretrained(name, attn_implementation="eager")
        return model.to(getattr(torch, dtype)).eval(), transformers.AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, KeyError) as error:
        raise ExportError(f"cannot load {name}: {error}") from error


def main(arguments=None):
    options = vars(parser().parse_args(arguments))
    out = options.pop("out")
    try:
        model, tokenizer = load(options.pop("model"), options["scalar"], options.pop("dtype"))
        export(model, out, tokenizer=tokenizer, **options)
    except (ExportError, OSError) as error:
        say(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
