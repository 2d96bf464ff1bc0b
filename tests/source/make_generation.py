#!/usr/bin/env python3
"""Writes data/generation.dat: what small random models hand out while they generate with beams, and the
attention of one pass over what they wrote.

    python3 tests/source/make_generation.py        needs torch and transformers

"beams" lines are beam_indices, a sequence each. "step" and "full" lines: batch, heads, queries, keys, numbers.
In the full attention rows of finished sequences are 0.
"""

import pathlib

import torch
import transformers
from transformers.generation import utils

utils.is_fsdp_managed_module = lambda model: False  # its import fails with Debian's torch 1.13


def numbers(kind, attention):
    return f"{kind} {' '.join(map(str, attention.shape))} " + " ".join(f"{v:.6g}" for v in attention.flatten().tolist())


def case(name, steps, full, beams, prompt):
    """prompt: how many rows the first step has."""
    full = full[:, :, :prompt + int((beams >= 0).sum(1).max()) - 1].clone()
    for b, rows in enumerate(beams):
        full[b, :, prompt - 1 + int((rows >= 0).sum()):] = 0
    return ["case " + name, *("beams " + " ".join(map(str, rows.tolist())) for rows in beams),
            *(numbers("step", step[-1]) for step in steps), numbers("full", full)]


def generate(model, ids, **options):
    with torch.no_grad():
        return model.eval().generate(ids, num_beams=3, return_dict_in_generate=True, output_attentions=True,
                                     output_scores=True, **options)


def encoder_decoder(seed):
    torch.manual_seed(seed)
    model = transformers.BartForConditionalGeneration(transformers.BartConfig(
        vocab_size=24, d_model=16, encoder_layers=1, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=2,
        encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=32, attn_implementation="eager", init_std=.6,
        forced_eos_token_id=None))
    ids = torch.tensor([[5, 6, 7, 8, 2], [9, 10, 2, 1, 1]])
    mask = (ids != 1).long()
    out = generate(model, ids, attention_mask=mask, max_new_tokens=5)
    written = out.sequences[:, :-1]
    with torch.no_grad():
        full = model(ids, attention_mask=mask, decoder_input_ids=written, output_attentions=True)
    count = int((out.beam_indices >= 0).sum(1).max())
    return (case(f"self{seed}", out.decoder_attentions, full.decoder_attentions[-1][..., :count], out.beam_indices, 1)
            + case(f"cross{seed}", out.cross_attentions, full.cross_attentions[-1], out.beam_indices, 1))


def decoder(seed):
    torch.manual_seed(seed)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=20, n_embd=16, n_layer=2, n_head=2, n_positions=32, attn_implementation="eager", initializer_range=.6,
        eos_token_id=0, pad_token_id=0))
    ids = torch.tensor([[5, 6, 7, 8]])
    out = generate(model, ids, attention_mask=torch.ones_like(ids), max_new_tokens=4)
    with torch.no_grad():
        full = model(out.sequences[:, :-1], output_attentions=True)
    return case(f"prompt{seed}", out.attentions, full.attentions[-1], out.beam_indices, 4)


lines = encoder_decoder(1) + encoder_decoder(24) + decoder(4)
path = pathlib.Path(__file__).parent / "data" / "generation.dat"
path.parent.mkdir(exist_ok=True)
path.write_text("\n".join(lines) + "\n")
for line in lines:
    print(line[:60])
