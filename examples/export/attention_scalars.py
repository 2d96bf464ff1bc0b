"""The numbers whose gradients a dump may hold: one a batch element, each with words that say what it is."""

import inspect

import torch

from attention_inputs import ExportError, accepted

SCALARS = {
    "none": "no gradients",
    "similarity": "cosine similarity of the mean-pooled last hidden states to those of the text --to",
    "norm": "L2 norm of the mean-pooled last hidden states",
    "logit": "logit of --token (without it, the most probable) at the mask of a masked language model, else as "
    "the next token",
    "log-probability": "logarithm of that token's probability",
    "loss": "mean cross-entropy of a language model over its text, of an encoder-decoder over its target text",
}


class Read:
    """What a scalar is read from: the model's outputs on ids [batch, token], of which `valid` are true tokens."""

    def __init__(self, model, tokenizer, inputs, outputs, axes):
        prefix, axis = list(axes.items())[-1]  # what the output is about: the target, of an encoder-decoder
        self.model, self.tokenizer, self.inputs, self.outputs = model, tokenizer, inputs, outputs
        self.ids = inputs.get("decoder_input_ids" if prefix == "target_" else "input_ids")
        self.valid = axis.valid.to(model.device)

    def scalar(self, scalar, to, token):
        """(tensor [batch], what it is in words)."""
        with torch.enable_grad():
            numbers, words = self.named(scalar, to, token)
        if numbers.shape != self.valid.shape[:1]:
            shapes = f"{list(numbers.shape)}, not {list(self.valid.shape[:1])}"
            raise ExportError(f"the scalar has shape {shapes}: one number a batch element")
        if not torch.isfinite(numbers).all():
            raise ExportError(f"the scalar is not finite: {numbers.tolist()}")
        return numbers, words

    def named(self, scalar, to, token):
        if callable(scalar):
            return scalar(self.outputs, self.inputs), inspect.getdoc(scalar) or scalar.__name__
        if scalar == "similarity":
            return self.similarity(to)
        if scalar == "norm":
            return (
                self.pooled().norm(dim=-1),
                "L2 norm of the mean of the last hidden states of the true tokens",
            )
        if scalar == "loss":
            return self.loss()
        return self.of_token(scalar, token)

    def pooled(self):
        return mean_pooled(last_hidden(self.outputs), self.valid)

    def similarity(self, to):
        if self.tokenizer is None:
            raise ExportError("the text to compare with needs a tokenizer")
        encoded = self.tokenizer(to, return_tensors="pt").to(self.valid.device)
        with torch.no_grad():
            target = last_hidden(self.model(**accepted(self.model, encoded), output_hidden_states=True)).mean(
                1
            )
        return (
            torch.nn.functional.cosine_similarity(self.pooled(), target, dim=-1),
            f'cosine similarity of the mean of the last hidden states of the true tokens to that of "{to}"',
        )

    def logits(self):
        logits = getattr(self.outputs, "logits", None)
        if logits is None or logits.dim() != 3 or logits.shape[1] != self.valid.shape[1] or self.ids is None:
            raise ExportError(
                f"{type(self.model).__name__} gives no logits of tokens; "
                "load it as a causal, masked or sequence-to-sequence language model"
            )
        return logits

    def loss(self):
        if self.is_masked():
            raise ExportError(
                "the loss is that of a model that reads from left to right; "
                "a masked language model has the log-probability of a token at its mask"
            )
        log_probability = self.logits()[:, :-1].log_softmax(-1).gather(-1, self.ids[:, 1:, None])[..., 0]
        counted = self.valid[:, 1:] & self.valid[:, :-1]
        if not counted.any(1).all():
            raise ExportError("the loss needs at least two tokens")
        return (
            -(log_probability * counted).sum(1) / counted.sum(1),
            "mean cross-entropy, in nats, of every true token but the first, each given those before it",
        )

    def of_token(self, name, token):
        position, place = self.read_position()
        elements = torch.arange(len(position), device=position.device)
        logits = self.logits()[elements, position]
        ids = logits.argmax(-1) if token is None else self.token_id(token).expand(len(position))
        numbers = logits if name == "logit" else logits.log_softmax(-1)
        spelled = sorted({repr(self.spelled(int(number))) for number in ids})
        return numbers[elements, ids], f"{name} of {', '.join(spelled)} {place}"

    def spelled(self, number):
        return self.tokenizer.convert_ids_to_tokens(number) if self.tokenizer else number

    def read_position(self):
        """[batch]: where the logits of the token stand."""
        if not self.is_masked():
            last = self.valid.shape[1] - 1 - self.valid.long().flip(1).argmax(1)
            return last, "as the next token"
        mask = getattr(self.tokenizer, "mask_token_id", None)
        is_mask = self.ids == (-1 if mask is None else mask)
        if not (is_mask.sum(1) == 1).all():
            raise ExportError("a masked language model needs exactly one mask token in every text")
        return is_mask.long().argmax(1), "at the mask"

    def is_masked(self):
        return type(self.model).__name__.endswith("MaskedLM")

    def token_id(self, token):
        if self.tokenizer is None:
            raise ExportError("a token by name needs a tokenizer")
        ids = self.tokenizer(token, add_special_tokens=False)["input_ids"]
        if len(ids) != 1:
            pieces = self.tokenizer.convert_ids_to_tokens(ids)
            raise ExportError(f"{token!r} is {len(ids)} tokens, {pieces}; name one that is one token")
        return torch.tensor(ids, device=self.ids.device)


def last_hidden(outputs):
    for name in ("last_hidden_state", "decoder_hidden_states", "hidden_states"):
        states = getattr(outputs, name, None)
        if states is not None:
            return states if isinstance(states, torch.Tensor) else states[-1]
    raise ExportError("the model gives no hidden states")


def mean_pooled(hidden, valid):
    weights = valid.to(hidden.dtype)[..., None]
    return (hidden * weights).sum(1) / weights.sum(1)
