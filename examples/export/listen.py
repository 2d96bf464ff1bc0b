"""Hears the attention of a PyTorch model while it runs, whatever its classes are called.

Every eager attention, of whatever family, makes the same five steps with torch's own functions:

    product = query @ key^T                 matmul, bmm, baddbmm
    weights = softmax(scores)               scores: the product after scale, soft cap, bias and mask
    context = weights @ value               matmul, bmm
    output  = context @ projection + bias   linear, addmm
    sum     = residual + output             add; then layer_norm, where the sum goes on in no other way

`Listener` looks on as torch calls them, so it sees queries and keys as they are multiplied (after rotary embedding)
and needs no table of model families. What it heard is a guess until it is checked: `Heard.fields` recomputes each
step and gives only what holds.
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
    """Whether two tensors are the same numbers in memory; reshaping and dropout in evaluation leave them there."""
    return a.data_ptr() == b.data_ptr() and a.numel() == b.numel()


class Product:
    """factor * left @ right, a candidate for query @ key^T."""

    def __init__(self, left, right, result, factor=1.0):
        self.left, self.right, self.result, self.factor = left, right, result, factor


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
        return self.weights.numel() == attention.numel() and \
            torch.equal(self.weights.reshape(attention.shape).to(attention.dtype), attention)

    def masked(self, attention):
        """[batch, head, query, key]: what the mask hides."""
        scores = self.scores.detach().reshape(attention.shape)
        return scores < scores.amax(-1, keepdim=True) - MASKED_BELOW

    def fields(self, attention, visible, seen, soft_cap=None):
        """What the dump may say of this attention [batch, head, query, key] beside its weights.

        visible: bool, the same shape, what the dump's own mask shows; seen: what of that the model's mask shows;
        soft_cap: of the scores, if the model has one. Returns the tensors by field
        (docs/dump.md), the numbers `scale`, `soft_cap` and `norm_epsilon`, and why the other fields are missing.
        """
        tensors, numbers, missing = {}, {}, []
        product = self.score_product(attention, visible, seen, soft_cap)
        if product is None:
            missing.append("query, key: the scores are not scale x query x key + bias")
        else:
            query, key, scale, bias = product
            tensors.update(query=query, key=key)
            numbers["scale"] = scale
            if bias is not None:
                tensors["attention_bias"] = bias
            if soft_cap is not None:
                numbers["soft_cap"] = soft_cap
        value = self.multiplied_value(attention)
        if value is None:
            missing.append("value: no product of these weights was heard")
        else:
            tensors["value"] = value
        share_heads(tensors)
        if value is None or not self.projects_context(attention):
            missing.append("output_projection: no linear layer takes the heads' outputs side by side")
        else:
            tensors["output_projection"] = self.projection
            if self.bias is not None:
                tensors["output_bias"] = self.bias
            if self.sum is None:
                missing.append("residual: the attention's output is not added to a tensor from before the attention")
            else:
                tensors["residual"] = self.residual.reshape(attention.shape[0], attention.shape[2], -1)
        if self.norm is not None:
            weight, bias, numbers["norm_epsilon"] = self.norm
            tensors.update({"norm_weight": weight, "norm_bias": bias})
        return {name: tensor.detach() for name, tensor in tensors.items() if tensor is not None}, numbers, missing

    def score_product(self, attention, visible, seen, soft_cap):
        """(query, key, scale, bias or None) that give this attention, of the first product that does; or None."""
        batch, heads, queries, keys = attention.shape
        scores = self.scores.reshape(attention.shape)
        for product in self.products:
            if product.result.numel() != scores.numel() or not scores.requires_grad:
                continue
            query = product.left.detach().reshape(batch, -1, queries, product.left.shape[-1])
            key = product.right.detach().transpose(-1, -2).reshape(batch, -1, keys, query.shape[-1])
            if query.shape[1] != heads or heads % key.shape[1] != 0:
                continue
            slope = torch.autograd.grad(scores.sum(), product.result, retain_graph=True, allow_unused=True)[0]
            if slope is None:
                continue
            slope = product.factor * slope.reshape(attention.shape)[seen].double()
            scale = constant_scale(slope, scores.detach()[seen].double(), soft_cap, query.shape[-1],
                                   precision(query, scores))
            if scale is None:
                continue
            bias = self.bias_beyond(query, key, scale, soft_cap, scores.detach(), visible, seen)
            if follows(attention, visible, scaled(query, key, scale, soft_cap), bias, precision(query, scores)):
                return query, key, scale, bias
        return None

    @staticmethod
    def bias_beyond(query, key, scale, soft_cap, scores, visible, seen):
        """What was added to the capped product, [1 or batch, head, query, key]; None where it is but rounding."""
        bias = (scores.double() - scaled(query, key, scale, soft_cap)).masked_fill(~seen, 0)
        bias = bias.masked_fill(visible & ~seen, MASKED_BIAS)
        size = scaled(query.abs(), key.abs(), abs(scale), None)
        eps = precision(query, scores)
        if bool((bias.abs() <= 8 * eps * (1 + size)).all()):
            return None
        # The same for every example, as far as each shows it: stored once.
        shown = visible.double().sum(0)
        common = bias.sum(0) / shown.clamp(min=1)
        different = (bias - common).masked_fill(~visible, 0)
        once = float(different.abs().max()) <= 32 * eps * (1 + float(size.max()))
        return (common.unsqueeze(0) if once else bias).to(scores.dtype)

    def multiplied_value(self, attention):
        """[batch, head, key, dim], or None."""
        if self.mixed is None or not torch.equal(self.mixed.reshape(attention.shape), attention):
            return None
        return self.value.detach().reshape(attention.shape[0], -1, *self.value.shape[-2:])

    def projects_context(self, attention):
        """Whether the linear layer took the heads' outputs side by side, and nothing else."""
        if self.output is None:
            return False
        batch, heads, queries, _ = attention.shape
        context = self.context.reshape(batch, heads, queries, -1).transpose(1, 2)
        return torch.equal(self.projected.reshape(context.shape), context)


def scaled(query, key, scale, soft_cap):
    """The scores before bias and mask, in double; grouped heads are repeated."""
    query, key = query.double(), key.double()
    scores = scale * (query @ key.repeat_interleave(query.shape[1] // key.shape[1], 1).transpose(-1, -2))
    return scores if soft_cap is None else soft_cap * torch.tanh(scores / soft_cap)


def precision(*tensors):
    """The relative rounding error of the coarsest: many models run their softmax in another precision."""
    return max(torch.finfo(tensor.dtype).eps for tensor in tensors)


def constant_scale(slope, scores, soft_cap, dim, eps):
    """The factor on the product, from the derivative of the scores by it; None where that is not constant."""
    if soft_cap is not None:  # the derivative of cap * tanh(scale * x / cap)
        slope = slope / (1 - (scores / soft_cap) ** 2)
    scale = float(slope.median())
    tolerance = (16 if soft_cap is None else 4096) * eps * abs(scale)
    if not 0 < abs(scale) < math.inf or float((slope - scale).abs().max()) > tolerance:
        return None
    intended = min((1.0, dim ** -0.5), key=lambda number: abs(number - scale))
    return intended if abs(intended - scale) <= tolerance else scale


def follows(attention, visible, scores, bias, eps):
    """Whether the softmax of these scores is the attention, up to the rounding of its precision."""
    scores = scores if bias is None else scores + bias.double()
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
        is_sum = name in ADDITIONS and self.hear_operands(now, args)  # before +=, which overwrites one
        result = function(*args, **kwargs)
        if name in PRODUCTS and args[1].dim() == 2:
            self.hear_linear(now, args[0], args[1], None, result)
        elif name in PRODUCTS:
            return self.hear_product(now, Product(args[0], args[1], result))
        elif name == "baddbmm":
            left, right = args[1:3] or (kwargs["batch1"], kwargs["batch2"])
            return self.hear_product(now, Product(left, right, result, kwargs.get("alpha", 1)))
        elif name == "softmax":
            self.heard.append(Heard(args[0], result, self.products))
            self.products = []
        elif name == "linear":
            weight, bias = args[1], args[2] if len(args) > 2 else kwargs.get("bias")
            self.hear_linear(now, args[0], weight.t(), bias, result)
        elif name == "addmm":
            self.hear_linear(now, args[1], args[2], args[0], result)
        elif name == "layer_norm" and now and now.sum is not None and same(args[0], now.sum):
            norm = NORM.bind(*args, **kwargs).arguments
            now.norm = norm.get("weight"), norm.get("bias"), norm.get("eps", 1e-5)
        if is_sum:
            now.sum, now.made = result, []
        elif now and now.sum is None and isinstance(result, torch.Tensor):
            now.made.append(result)
        return result

    def find(self, attention):
        """What was heard of weights that the model reports, once; None if nothing was."""
        heard = [heard for heard in self.heard if heard.gave(attention)]
        heard.sort(key=lambda heard: not same(heard.weights, attention))  # equal weights may have been made twice
        if not heard:
            return None
        self.heard.remove(heard[0])
        return heard[0]

    def hear_product(self, now, product):
        left = product.left
        if now and now.value is None and left.numel() == now.weights.numel() and \
                left.shape[-2:] == now.weights.shape[-2:]:
            now.mixed, now.value, now.context = left, product.right, product.result
        else:
            self.products.append(product)
        return product.result.clone()  # for the model, which may overwrite it

    def hear_linear(self, now, x, weight, bias, result):
        if now and now.context is not None and now.output is None and x.numel() == now.context.numel():
            now.projected, now.projection, now.bias, now.output = x, weight, bias, result

    def hear_operands(self, now, args):
        """Whether this adds the attention's output to something from before the attention: that is the residual."""
        tensors = [x for x in args[:2] if isinstance(x, torch.Tensor)]
        for heard in self.heard:
            if heard.norm is not None and any(same(x, heard.sum) for x in tensors):
                heard.norm = None  # the stream goes on without it: the norm belongs to what comes next
        if now is None or now.output is None or now.sum is not None or len(tensors) < 2:
            return False
        for output, other in (tensors, reversed(tensors)):
            if same(output, now.output) and other.numel() == output.numel() and \
                    not any(same(other, made) for made in now.made):
                now.residual = other.detach().clone()
                return True
        return False
