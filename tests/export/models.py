"""Small models of several families with random weights, in double, and the words they read."""

import contextlib

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = "<pad> <s> </s> <unk> the a cat dog sat saw on mat because it was tired . who slept".split()


@contextlib.contextmanager
def in_double():
    """Everything in float64, for finite differences: many models compute norms and softmax in float32 whatever they run in."""
    original = {"softmax": torch.nn.functional.softmax, "to": torch.Tensor.to, "float": torch.Tensor.float}

    def softmax(scores, *args, dtype=None, **kwargs):
        return original["softmax"](scores, *args, **kwargs)

    def to(tensor, *args, **kwargs):
        return original["to"](
            tensor, *(torch.float64 if arg is torch.float32 else arg for arg in args), **kwargs
        )

    torch.nn.functional.softmax, torch.Tensor.to, torch.Tensor.float = softmax, to, torch.Tensor.double
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.nn.functional.softmax = original["softmax"]
        torch.Tensor.to, torch.Tensor.float = original["to"], original["float"]
        torch.set_default_dtype(torch.float32)


def tokenizer(padding_side="right", wrap=True):
    """Words split at blanks; `wrap` puts <s> before and </s> behind."""
    words = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if wrap:
        words.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
        )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=words,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        padding_side=padding_side,
        model_input_names=["input_ids", "attention_mask"],
    )


def make(model_class, config_class, seed=1, **settings):
    torch.manual_seed(seed)
    config = config_class(
        vocab_size=len(WORDS),
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        attn_implementation=settings.pop("attn_implementation", "eager"),
        **settings
    )
    model = getattr(transformers, model_class)(config)
    with torch.no_grad():
        for parameter in model.parameters():  # initial weights are so small that attention is nearly uniform
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


def bert(**settings):
    return make(
        "BertModel",
        transformers.BertConfig,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=32,
        max_position_embeddings=32,
        **settings
    )


def gpt2():
    return make(
        "GPT2LMHeadModel",
        transformers.GPT2Config,
        n_embd=24,
        n_layer=2,
        n_head=3,
        n_positions=32,
        scale_attn_by_inverse_layer_idx=True,
    )


def llama():
    return make(
        "LlamaForCausalLM",
        transformers.LlamaConfig,
        hidden_size=32,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
    )


def mistral():
    return make(
        "MistralForCausalLM",
        transformers.MistralConfig,
        hidden_size=32,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=1,
        sliding_window=3,
        max_position_embeddings=64,
    )


def gemma2():
    return make(
        "Gemma2ForCausalLM",
        transformers.Gemma2Config,
        hidden_size=32,
        intermediate_size=40,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        sliding_window=4,
        query_pre_attn_scalar=11,
        attn_logit_softcapping=2.0,
        max_position_embeddings=64,
    )


def bloom():
    return make("BloomForCausalLM", transformers.BloomConfig, hidden_size=24, n_layer=2, n_head=3)


def falcon():
    return make(
        "FalconForCausalLM",
        transformers.FalconConfig,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        bias=True,
    )


def t5():
    return make(
        "T5ForConditionalGeneration",
        transformers.T5Config,
        d_model=24,
        d_kv=8,
        d_ff=32,
        num_layers=2,
        num_heads=3,
        decoder_start_token_id=0,
    )


def bart():
    return make(
        "BartForConditionalGeneration",
        transformers.BartConfig,
        d_model=24,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=3,
        decoder_attention_heads=3,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=32,
        decoder_start_token_id=2,
    )
