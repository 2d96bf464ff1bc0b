"""The file: tensors and metadata in the format of docs/dump.md, as safetensors."""

import json
import os
import struct

import torch

from attention_inputs import ExportError

FIELDS = (
    *("attention", "attention_gradient", "query", "key", "value", "output_projection"),
    *("residual", "norm", "embedding"),
)
# Tensors that go with a field of another name.
FIELD_OF = {
    "attention_bias": "key",
    "output_bias": "output_projection",
    "norm_weight": "norm",
    "norm_bias": "norm",
    "embedding_gradient": "embedding",
}
TYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}


class Dump:
    """What is to be written; of the tensors, those of the fields that were asked for."""

    def __init__(self, fields):
        self.fields, self.tensors, self.metadata = set(fields), {}, {}

    def add(self, name, tensor, valid=None):
        """valid: which entries are of true tokens; the rest, whatever it is, becomes 0."""
        field = name.split(".")[-1]
        if FIELD_OF.get(field, field) not in self.fields:
            return
        tensor = tensor.detach()
        if valid is not None:
            tensor = tensor.masked_fill(~valid, 0)
        if not torch.isfinite(tensor).all():
            raise ExportError(f"{name} is not finite")
        self.tensors[name] = tensor.cpu().contiguous()

    def write(self, path):
        """To a temporary name, then renamed: nobody sees half a dump. The same dump is the same bytes."""
        if not any(name.endswith((".attention", ".query")) for name in self.tensors):
            raise ExportError("nothing to write: no layer has what was asked for")
        tensors, header, end = sorted(self.tensors.items()), {}, 0
        header["__metadata__"] = dict(sorted(self.metadata.items()))
        for name, tensor in tensors:
            begin, end = end, end + tensor.numel() * tensor.element_size()
            shape = list(tensor.shape)
            header[name] = {"dtype": TYPES[tensor.dtype], "shape": shape, "data_offsets": [begin, end]}
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            with open(temporary, "wb") as file:
                file.write(struct.pack("<Q", len(text)) + text)
                for _, tensor in tensors:
                    file.write(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
