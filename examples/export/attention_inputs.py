"""What a model is given, and what its tokens are: texts to inputs, padding, names of tokens."""

import inspect
import json
import sys

import torch


class ExportError(Exception):
    """Bad input: what is wrong, and what to do."""


class RequestError(ExportError):
    """What was asked for makes no sense, whatever the model."""


def say(text):
    print(f"export_attention: {text}", file=sys.stderr)


def left_out(what, names, why):
    say(f"left out: {what} of {names[0] if len(names) == 1 else names[0] + ' to ' + names[-1]} ({why})")


def accepted(model, inputs):
    """Those of the inputs that the model's forward names; some tokenizers make more."""
    names = inspect.signature(model.forward).parameters
    return {name: tensor for name, tensor in inputs.items() if name in names}


class Texts:
    """One text a batch element, or several, with second sentences and target texts where there are any."""

    def __init__(self, text, pair=None, target=None):
        self.text, self.pair, self.target = as_list(text), as_list(pair), as_list(target)
        if self.text == []:
            raise RequestError("there is no text in the list")
        for name, others in (("second sentences", self.pair), ("target texts", self.target)):
            if others is not None and len(others) != len(self.text or ()):
                raise RequestError(f"{len(self.text or ())} texts, but {len(others)} {name}")

    def described(self):
        """The text itself, or JSON: a list of several, a list of what belongs together."""
        parts = [part for part in (self.text, self.pair, self.target) if part is not None]
        examples = [example[0] if len(example) == 1 else list(example) for example in zip(*parts)]
        described = examples[0] if len(examples) == 1 else examples
        return described if isinstance(described, str) else json.dumps(described, ensure_ascii=False)


def as_list(strings):
    return [strings] if isinstance(strings, str) else strings


def tokenized(model, tokenizer, texts):
    """(what the model's forward takes, where the second sentences begin or None)."""
    if tokenizer is None:
        raise ExportError("a text needs a tokenizer")
    encoded = encode(tokenizer, texts.text, texts.pair)
    inputs = accepted(model, encoded)
    if model.config.is_encoder_decoder:
        if texts.target is None:
            raise ExportError(f"{type(model).__name__} is an encoder-decoder; it needs a target text")
        inputs.update(decoder_inputs(model, tokenizer, texts.target))
    elif texts.target is not None:
        raise ExportError(f"{type(model).__name__} is no encoder-decoder; it takes no target text")
    elif counts_positions(model, encoded["attention_mask"]):
        inputs["position_ids"] = (encoded["attention_mask"].cumsum(-1) - 1).clamp(min=0)

    longest = max(ids.shape[1] for name, ids in inputs.items() if name.endswith("input_ids"))
    most = getattr(model.config, "max_position_embeddings", None) or 0
    if longest > most > 0:
        raise ExportError(f"{longest} tokens are more than the {most} that {type(model).__name__} takes")
    inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
    return inputs, None if texts.pair is None else second_sentences(encoded)


def encode(tokenizer, *texts, **options):
    count = max(len(strings) for strings in (*texts, *options.values()) if strings is not None)
    if count > 1 and tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise ExportError("several texts need a tokenizer with a pad token; set tokenizer.pad_token")
        say(f"the tokenizer has no pad token; its end token {tokenizer.eos_token!r} pads")
        tokenizer.pad_token = tokenizer.eos_token
    encoded = tokenizer(*texts, padding=count > 1, return_tensors="pt", **options)
    if "attention_mask" not in encoded:
        encoded["attention_mask"] = torch.ones_like(encoded["input_ids"])
    if not encoded["attention_mask"].any(dim=1).all():
        raise ExportError("a text has no tokens")
    return encoded


def counts_positions(model, mask):
    """Whether positions have to be told, as generation tells them, for padding on the left to count nothing.

    Masked language models that are padded on the left find their positions themselves, each in its own way.
    """
    return (
        not mask[:, 0].all()
        and not is_masked_family(model.config)
        and "position_ids" in inspect.signature(model.forward).parameters
    )


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


def second_sentences(encoded):
    """Where the second sentence begins, from the first true token; a list for a batch; None if unknown."""
    begins = []
    for element, mask in enumerate(encoded["attention_mask"]):
        if encoded.is_fast:
            sentences = encoded.sequence_ids(element)
        else:
            sentences = encoded["token_type_ids"][element].tolist() if "token_type_ids" in encoded else []
        if 1 not in sentences:
            say("left out: sentence_boundary (the tokenizer does not tell the sentences apart)")
            return None
        begins.append(sentences.index(1) - int(mask.argmax()))
    return begins if len(begins) > 1 else begins[0]


def is_masked_family(config):
    """Whether models of this family are trained to fill masks."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    return config.model_type in MODEL_FOR_MASKED_LM_MAPPING_NAMES


class Axis:
    """The positions of one axis of attention: which are true tokens, and what they are called."""

    def __init__(self, ids, mask, batch, count, tokenizer):
        self.batch, self.count = batch, count
        self.valid = torch.ones(batch, count, dtype=torch.bool) if mask is None else mask.cpu().bool()
        self.begins = self.valid.long().argmax(1).tolist()
        self.lengths = self.valid.sum(1).tolist()
        for element, (begin, length) in enumerate(zip(self.begins, self.lengths)):
            if length == 0 or not self.valid[element, begin : begin + length].all():
                raise ExportError(f"batch element {element}: the attention mask is not one run of true tokens")
        self.tokens = None
        if ids is not None and tokenizer is not None:
            true_ids = [row[valid].tolist() for row, valid in zip(ids.cpu(), self.valid)]
            self.tokens = [list(map(as_string, tokenizer.convert_ids_to_tokens(row))) for row in true_ids]

    def describe(self, prefix, metadata):
        if self.tokens is not None:
            tokens = self.tokens if self.batch > 1 else self.tokens[0]
            metadata[prefix + "tokens"] = json.dumps(tokens, ensure_ascii=False)
        metadata[prefix + "lengths"] = json.dumps(self.lengths)
        if any(self.begins):
            metadata[prefix + "starts"] = json.dumps(self.begins)


def as_string(token):
    return token.decode("utf-8", "replace") if isinstance(token, bytes) else token


def special_tokens(axes, tokenizer):
    """Those that occur, as JSON. An unknown word is a word, though tokenizers call it special."""
    special = set(map(as_string, tokenizer.all_special_tokens)) - {tokenizer.unk_token}
    occurring = {token for axis in axes.values() for tokens in axis.tokens for token in tokens}
    return json.dumps(sorted(special & occurring), ensure_ascii=False)


def token_axes(inputs, stacks, tokenizer):
    """{metadata prefix: Axis}, the source's first."""
    axes = {}
    for queries, keys, layers in stacks.values():
        shape = next(layer.shape for layer in layers if layer is not None)
        for prefix, count in ((keys, shape[3]), (queries, shape[2])):
            decoder = "decoder_" if prefix == "target_" else ""
            ids, mask = inputs.get(decoder + "input_ids"), inputs.get(decoder + "attention_mask")
            if mask is not None and tuple(mask.shape) != (shape[0], count):
                raise ExportError(
                    f"the attention has shape {list(shape)}, the {decoder}attention_mask {list(mask.shape)}: "
                    "not one weight for each pair of tokens"
                )
            if prefix not in axes:
                axes[prefix] = Axis(ids, mask, shape[0], count, tokenizer)
    if any(axis.tokens is None for axis in axes.values()):
        say("left out: tokens (they need input_ids and a tokenizer)")
    return axes
