"""Hears the attention of a PyTorch model while it runs, whatever its classes are called.

Every eager attention, of whatever family, makes the same five steps with torch's own functions:

    product = query @ key^T                 matmul, bmm, baddbmm
    weights = softmax(scores)               scores: the product after scale, soft cap, bias and mask
    context = weights @ value               matmul, bmm
    output  = context @ projection + bias   linear, addmm
    sum     = residual + output             add; then layer_norm, where the sum goes on in no other way

`Listener` looks on as torch calls them. So it sees queries and keys as they are multiplied, after rotary
embedding, and needs no table of model families. What it heard is a guess until `Heard.fields` has recomputed it;
only what holds is given.
"""

import inspect
import math

import torch
from torch.overrides import TorchFunctionMode

PRODUCTS = {"matmul", "__matmul__", "bmm"}
NORM = inspect.signature(torch.nn.functional.layer_norm)
ADDITIONS = {"add", "add_", "__add__", "__radd__", "__iadd__"}

# No model that works has scores so far apart; masks are, in every precision.
MASKED_BELOW = 9000
MASKED_BIAS = -30000  # weighs exactly 0, and is a number in every precision


def same(a, b):
    """Whether two tensors are the same memory, as after reshaping, or dropout in evaluation."""
    return a.data_ptr() == b.data_ptr() and a.numel() == b.numel()


class Product:
    """factor * left @ right, a candidate for query @ key^T."""

    def __init__(self, left, right, result, factor=1.0):
        self.left, self.right = left.detach().clone(), right.detach().clone()  # a model may overwrite them
        self.result, self.factor = result, factor

    def slope(self, scores):
        """The derivative of scores [batch, head, query, key] by the product, entry by entry, or None."""
        if self.result.numel() != scores.numel() or not scores.requires_grad:
            return None
        (slope,) = torch.autograd.grad(scores.sum(), self.result, retain_graph=True, allow_unused=True)
        return None if slope is None else self.factor * slope.reshape(scores.shape).double()

    def heads(self, shape):
        """query [batch, head, query, dim] and key [batch, kv_head, key, dim] of attention of that shape, or None."""
        batch, heads, queries, keys = shape
        query, key = self.left, self.right.transpose(-1, -2)
        if (query.shape[-2], key.shape[-2]) != (queries, keys) or key.numel() % (batch * keys * key.shape[-1]):
            return None
        query, key = (x.reshape(batch, -1, *x.shape[-2:]) for x in (query, key))  # some merge batch and head
        return (query, key) if query.shape[1] == heads and heads % key.shape[1] == 0 else None


class Heard:
    """One softmax and what surrounded it; what was not heard is None."""

    def __init__(self, scores, weights, products):
        self.scores, self.weights = scores, weights
        self.products = products  # since the softmax before
        self.mixed = self.value = self.context = None  # mixed @ value = context
        self.projected = self.projection = self.bias = self.output = None
        self.residual = self.sum = None
        self.norm = None  # weight, bias, epsilon
        self.made = []  # results since the softmax, until the sum

    def gave(self, attention):
        """Whether these are the weights that the model reports."""
        return self.weights.numel() == attention.numel() and torch.equal(
            self.weights.reshape(attention.shape).to(attention.dtype), attention
        )

    def masked(self, attention):
        """[batch, head, query, key]: what the mask hides."""
        scores = self.scores.detach().reshape(attention.shape)
        return scores < scores.amax(-1, keepdim=True) - MASKED_BELOW

    def fields(self, attention, visible, seen, soft_cap=None):
        """What the dump may say of this attention [batch, head, query, key] beside its weights.

        visible: bool, the same shape, what the dump's own mask shows; seen: what of that the model's mask shows;
        soft_cap: of the scores, if the model has one. Returns the tensors by field (docs/dump.md), the numbers
        `scale`, `soft_cap` and `norm_epsilon`, and what is missing: (fields, why).
        """
        tensors, numbers, missing = {}, {}, []
        product = self.score_product(attention, visible, seen, soft_cap)
        if product is None:
            missing.append((("query", "key"), "the scores are not scale x query x key + bias"))
        else:
            tensors["query"], tensors["key"], numbers["scale"], tensors["attention_bias"] = product
            if soft_cap is not None:
                numbers["soft_cap"] = soft_cap
        if self.mixes(attention):
            tensors["value"] = self.value.reshape(attention.shape[0], -1, *self.value.shape[-2:])
        else:
            missing.append((("value",), "no product with these weights was heard"))
        share_heads(tensors)
        if self.projects_context(attention):
            tensors["output_projection"], tensors["output_bias"] = self.projection, self.bias
        else:
            missing.append((("output_projection",), "no linear layer takes the heads' outputs side by side"))
        if self.sum is not None and "output_projection" in tensors:
            tensors["residual"] = self.residual.reshape(attention.shape[0], attention.shape[2], -1)
        else:
            missing.append((("residual",), "the output is not added to a tensor from before the attention"))
        if self.norm is not None and "residual" in tensors:
            tensors["norm_weight"], tensors["norm_bias"], numbers["norm_epsilon"] = self.norm
        tensors = {name: tensor.detach() for name, tensor in tensors.items() if tensor is not None}
        return tensors, numbers, missing

    def score_product(self, attention, visible, seen, soft_cap):
        """(query, key, scale, bias or None) that give this attention, of the first product that does; or None."""
        scores = self.scores.reshape(attention.shape)
        for product in self.products:
            slope, heads = product.slope(scores), product.heads(attention.shape)
            if slope is None or heads is None:
                continue
            query, key = heads
            eps = precision(query, scores)
            seen_scores = scores.detach()[seen].double()
            scale = constant_scale(slope[seen], seen_scores, soft_cap, query.shape[-1], eps)
            if scale is None:
                continue
            product_scores = scaled(query, key, scale, soft_cap)
            bias = bias_beyond(product_scores, scores.detach(), visible, seen, eps)
            if bias is not None:
                product_scores = product_scores + bias.double()
            if follows(attention, visible, product_scores, eps):
                return query, key, scale, bias
        return None

    def mixes(self, attention):
        """Whether these weights were multiplied with the values as they are."""
        return self.mixed is not None and torch.equal(self.mixed.reshape(attention.shape), attention)

    def projects_context(self, attention):
        """Whether the linear layer took the heads' outputs side by side, and nothing else."""
        if self.output is None or not self.mixes(attention):
            return False
        batch, heads, queries, _ = attention.shape
        context = self.context.reshape(batch, heads, queries, -1).transpose(1, 2)
        return torch.equal(self.projected.reshape(context.shape), context)


def precision(*tensors):
    """The relative rounding error of the coarsest: many models run their softmax in another precision."""
    return max(torch.finfo(tensor.dtype).eps for tensor in tensors)


def scaled(query, key, scale, soft_cap):
    """The scores before bias and mask, in double; what grouped heads share is repeated."""
    query, key = query.double(), key.double()
    scores = scale * (query @ key.repeat_interleave(query.shape[1] // key.shape[1], 1).transpose(-1, -2))
    return scores if soft_cap is None else soft_cap * torch.tanh(scores / soft_cap)


def constant_scale(slope, scores, soft_cap, dim, eps):
    """The factor on the product, from the derivative of the scores by it; None where that is not constant."""
    if soft_cap is not None:  # the derivative of cap * tanh(scale * x / cap)
        slope = slope / (1 - (scores / soft_cap) ** 2)
    scale = float(slope.median())
    tolerance = (16 if soft_cap is None else 4096) * eps * abs(scale)
    if not 0 < abs(scale) < math.inf or float((slope - scale).abs().max()) > tolerance:
        return None
    # Meant is 1 or 1/sqrt(dim), not the rounding of it that the model's precision made.
    intended = min((1.0, dim**-0.5), key=lambda number: abs(number - scale))
    return intended if abs(intended - scale) <= tolerance else scale


def bias_beyond(product_scores, scores, visible, seen, eps):
    """What the model added to the product, [1 or batch, head, query, key]; None if it is but rounding."""
    bias = (scores.double() - product_scores).masked_fill(~seen, 0).masked_fill(visible & ~seen, MASKED_BIAS)
    rounding = 32 * eps * (1 + float(product_scores[visible].abs().max()))
    if float(bias.abs().max()) <= rounding:
        return None
    # Where every example that shows an entry has the same bias there, one copy does.
    common = bias.sum(0) / visible.double().sum(0).clamp(min=1)
    once = float((bias - common).masked_fill(~visible, 0).abs().max()) <= rounding
    return (common.unsqueeze(0) if once else bias).to(scores.dtype)


def follows(attention, visible, scores, eps):
    """Whether the softmax of these scores is the attention, up to rounding."""
    size = float(scores[visible & (scores > MASKED_BIAS / 2)].abs().max())
    expected = scores.masked_fill(~visible, -math.inf).softmax(-1)
    tolerance = min(0.05, 4 * eps * (1 + size))
    return float((expected - attention.double())[visible].abs().max()) <= tolerance


def share_heads(tensors):
    """Stores once what grouped-query attention repeats for every head of a group; changes `tensors`."""
    repeated = [name for name in ("key", "value") if name in tensors]
    if not repeated:
        return
    heads = tensors[repeated[0]].shape[1]
    for group in range(heads, 1, -1):
        if heads % group == 0 and all(is_repeated(tensors[name], group) for name in repeated):
            tensors.update({name: tensors[name][:, ::group] for name in repeated})
            return


def is_repeated(tensor, group):
    heads = tensor.unflatten(1, (-1, group))
    return torch.equal(heads, heads[:, :, :1].expand_as(heads))


class Listener(TorchFunctionMode):
    """with Listener() as listener: model(...); then `listener.heard`, in the order of the computation."""

    def __init__(self):
        super().__init__()
        self.heard = []
        self.products = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(function, "__name__", "")
        now = self.heard[-1] if self.heard else None
        operands = [*args, *kwargs.values()]
        added = (
            self.hear_operands(now, operands) if name in ADDITIONS else None
        )  # before +=, which overwrites one
        result = function(*args, **kwargs)
        if name in PRODUCTS and operands[1].dim() > 2:
            return self.hear_product(now, *operands[:2], result)
        if name == "baddbmm":
            return self.hear_product(now, *operands[1:3], result, kwargs.get("alpha", 1))
        if name == "softmax":
            self.heard.append(Heard(operands[0], result, self.products))
            self.products = []
        elif name in PRODUCTS:
            self.hear_linear(now, operands[0], operands[1], None, result)
        elif name == "linear":
            self.hear_linear(now, operands[0], operands[1].t(), (operands + [None])[2], result)
        elif name == "addmm":
            self.hear_linear(now, operands[1], operands[2], operands[0], result)
        elif name == "layer_norm" and now and now.sum is not None and same(operands[0], now.sum):
            norm = NORM.bind(*args, **kwargs).arguments
            now.norm = norm.get("weight"), norm.get("bias"), norm.get("eps", 1e-5)
        if added == "residual":
            now.sum, now.made = result, []
        elif added == "bias":
            now.output = result
        elif now and now.sum is None and isinstance(result, torch.Tensor):
            now.made.append(result)
        return result

    def find(self, attention):
        """What was heard of weights that the model reports, once; None if nothing was."""
        for likely in (
            lambda heard: same(heard.weights, attention),
            lambda heard: True,
        ):  # some are made twice
            for index, heard in enumerate(self.heard):
                if likely(heard) and heard.gave(attention):
                    return self.heard.pop(index)
        return None

    def hear_product(self, now, left, right, result, factor=1):
        weights = now.weights if now and now.value is None else None
        if weights is not None and left.numel() == weights.numel() and left.shape[-2:] == weights.shape[-2:]:
            now.mixed, now.value, now.context = left, right.detach().clone(), result
        else:
            self.products.append(Product(left, right, result, factor))
        return result.clone()  # for the model, which may overwrite it

    def hear_linear(self, now, x, weight, bias, result):
        if now and now.context is not None and now.output is None and x.numel() == now.context.numel():
            now.projected, now.projection, now.bias, now.output = x, weight, bias, result

    def hear_operands(self, now, operands):
        """What is added to the output: its "bias", a "residual" from before the attention, or None."""
        tensors = [x for x in operands[:2] if isinstance(x, torch.Tensor)]
        for heard in self.heard:
            if heard.norm is not None and any(same(x, heard.sum) for x in tensors):
                heard.norm = None  # the stream goes on without it: the norm belongs to what comes next
        if now is None or now.output is None or now.sum is not None or len(tensors) < 2:
            return None
        for output, other in (tensors, reversed(tensors)):
            if not same(output, now.output):
                continue
            if other.dim() == 1 and now.bias is None:
                now.bias = other
                return "bias"
            if other.numel() == output.numel() and not any(same(other, made) for made in now.made):
                now.residual = other.detach().clone()
                return "residual"
        return None
