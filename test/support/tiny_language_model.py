"""Makes a tiny causal language model from a seed: a folder as the hub has them, which mlx-lm loads.

    python tiny_language_model.py FOLDER [--layers 2] [--dim 64] [--seed 7] [--untied] [--scale 0.3]

Random weights write rubbish, but they take every step that a real model takes. Equal arguments give equal
bytes. About a second; needs mlx and tokenizers alone.
"""

import argparse
import json
import os
import random

import mlx.core as mx
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

MARKS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEXT = (
    "the claim evidence supports refutes disputed unknown service gateway queue error timeout retry limit "
    "deployment version cache was is not by of in on with more less than since year report measured model "
    "above below twelve two passage source cites supported refuted insufficient"
)
WORDS = TEXT.split()
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_tokenizer(folder, seed=7):
    """A byte-level BPE tokenizer of 512 tokens; returns how many it has and the number of the last mark."""
    source = random.Random(seed)
    texts = [" ".join(source.choice(WORDS) for _ in range(source.randint(5, 25))) + "." for _ in range(600)]
    texts += [f'{{"text":"{source.choice(WORDS)}","cites":[{number % 40}]}}' for number in range(200)]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=512, special_tokens=MARKS, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 4096,
        "chat_template": CHAT_TEMPLATE,
    }
    write_json(folder, "tokenizer_config.json", settings)
    return tokenizer.get_vocab_size(), tokenizer.token_to_id("<|im_end|>")


def make_config(vocabulary, end, *, layers=2, dim=64, tied=True, **changes):
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "hidden_size": dim,
        "num_hidden_layers": layers,
        "intermediate_size": dim * 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": dim // 4,
        "rms_norm_eps": 1e-6,
        "vocab_size": vocabulary,
        "max_position_embeddings": 4096,
        "rope_theta": 10000.0,
        "tie_word_embeddings": tied,
        "torch_dtype": "float32",
        "eos_token_id": end,
        "bos_token_id": None,
        **changes,
    }


def make_weights(config, seed=7, scale=0.3):
    """Tensors by the names that a Qwen3 checkpoint gives them, float32."""
    hidden, wide, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    heads, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    shapes = {"model.embed_tokens.weight": (config["vocab_size"], hidden), "model.norm.weight": (hidden,)}
    if not config["tie_word_embeddings"]:
        shapes["lm_head.weight"] = (config["vocab_size"], hidden)
    for index in range(config["num_hidden_layers"]):
        at = f"model.layers.{index}."
        shapes |= {
            f"{at}self_attn.q_proj.weight": (heads, hidden),
            f"{at}self_attn.k_proj.weight": (keys, hidden),
            f"{at}self_attn.v_proj.weight": (keys, hidden),
            f"{at}self_attn.o_proj.weight": (hidden, heads),
            f"{at}self_attn.q_norm.weight": (head,),
            f"{at}self_attn.k_norm.weight": (head,),
            f"{at}mlp.gate_proj.weight": (wide, hidden),
            f"{at}mlp.up_proj.weight": (wide, hidden),
            f"{at}mlp.down_proj.weight": (hidden, wide),
            f"{at}input_layernorm.weight": (hidden,),
            f"{at}post_attention_layernorm.weight": (hidden,),
        }
    key = mx.random.key(seed)
    weights = {}
    for name, shape in shapes.items():
        if "norm" in name:
            weights[name] = mx.ones(shape)
            continue
        key, own = mx.random.split(key)
        spread = 0.5 if "embed" in name or "lm_head" in name else scale
        weights[name] = mx.random.normal(shape, key=own) * spread
    return weights


def make_language_model(folder, *, layers=2, dim=64, seed=7, tied=True, scale=0.3):
    """Writes the whole folder; returns its config."""
    os.makedirs(folder, exist_ok=True)
    vocabulary, end = make_tokenizer(folder, seed)
    config = make_config(vocabulary, end, layers=layers, dim=dim, tied=tied)
    write_json(folder, "config.json", config)
    write_json(folder, "generation_config.json", {"eos_token_id": [end]})
    weights = make_weights(config, seed, scale)
    mx.save_safetensors(os.path.join(folder, "model.safetensors"), weights, metadata={"format": "mlx"})
    return config


def write_json(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--untied", action="store_true")
    parser.add_argument("--scale", type=float, default=0.3)
    given = parser.parse_args()
    make_language_model(
        given.folder,
        layers=given.layers,
        dim=given.dim,
        seed=given.seed,
        tied=not given.untied,
        scale=given.scale,
    )
