"""Tiny sentence encoders made from a seed: ModernBERT's and Qwen3-Embedding's folders as the hub has them.

Weights are drawn with Python's own generator, so that they are the same on every machine and in the script
that made test/golden/encoders.json (scripts/golden-encoders.py). Nothing here is shared with the code under
test.
"""

import json
import random
import struct

WORDS = [
    *("the", "a", "limit", "is", "was", "not", "above", "under", "twelve", "two", "Query:", "Instruct:"),
    *("requests", "errors", "service", "billing", "search", "rose", "fell", "find", "passages"),
]
MODERN_MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
QWEN_MARKS = ["<unk>", "<|endoftext|>", "<|im_end|>"]
MODERN = {
    "architectures": ["ModernBertModel"],
    "model_type": "modernbert",
    "hidden_size": 16,
    "num_attention_heads": 4,
    "intermediate_size": 20,
    "num_hidden_layers": 5,
    "vocab_size": len(WORDS) + len(MODERN_MARKS),
    "max_position_embeddings": 120,
    "global_attn_every_n_layers": 3,
    "local_attention": 8,
    "global_rope_theta": 160000.0,
    "local_rope_theta": 10000.0,
    "hidden_activation": "gelu",
    "norm_eps": 1e-5,
    "attention_bias": False,
    "mlp_bias": False,
    "norm_bias": False,
    "pad_token_id": 0,
    "cls_token_id": 2,
    "sep_token_id": 3,
    "bos_token_id": 2,
    "eos_token_id": 3,
}
QWEN = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "intermediate_size": 24,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "hidden_act": "silu",
    "rms_norm_eps": 1e-6,
    "vocab_size": len(WORDS) + len(QWEN_MARKS),
    "max_position_embeddings": 120,
    "rope_theta": 1000000.0,
    "rope_scaling": None,
    "attention_bias": False,
    "tie_word_embeddings": True,
    "torch_dtype": "float32",
    "bos_token_id": 1,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
QUERY_PROMPT = "Instruct: find passages\nQuery:"


class Draw:
    """Tensors by name, of float32 numbers: rows of numbers, or one row for a vector."""

    def __init__(self, seed):
        self.source = random.Random(seed)
        self.tensors = {}

    def vector(self, size, spread, middle=0.0):
        return [to_float32(self.source.gauss(middle, spread)) for _ in range(size)]

    def linear(self, name, outputs, inputs, biased=False):
        self.tensors[f"{name}.weight"] = [self.vector(inputs, 0.5) for _ in range(outputs)]
        if biased:
            self.tensors[f"{name}.bias"] = self.vector(outputs, 0.5)

    def norm(self, name, size, biased=False):
        self.tensors[f"{name}.weight"] = self.vector(size, 0.3, 1.0)
        if biased:
            self.tensors[f"{name}.bias"] = self.vector(size, 0.3)


def to_float32(number):
    return struct.unpack("<f", struct.pack("<f", number))[0]


def modern_tensors(config=MODERN, seed=3):
    draw = Draw(seed)
    hidden, wide, normed = config["hidden_size"], config["intermediate_size"], config["norm_bias"]
    draw.linear("embeddings.tok_embeddings", config["vocab_size"], hidden)
    draw.norm("embeddings.norm", hidden, normed)
    for index in range(config["num_hidden_layers"]):
        at = f"layers.{index}."
        if index:
            draw.norm(f"{at}attn_norm", hidden, normed)
        draw.linear(f"{at}attn.Wqkv", 3 * hidden, hidden, config["attention_bias"])
        draw.linear(f"{at}attn.Wo", hidden, hidden, config["attention_bias"])
        draw.norm(f"{at}mlp_norm", hidden, normed)
        draw.linear(f"{at}mlp.Wi", 2 * wide, hidden, config["mlp_bias"])
        draw.linear(f"{at}mlp.Wo", hidden, wide, config["mlp_bias"])
    draw.norm("final_norm", hidden, normed)
    return draw.tensors


def qwen_tensors(config=QWEN, seed=4):
    """As the family's own checkpoints have them: without head, names without their first part."""
    draw = Draw(seed)
    hidden, wide, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    heads, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    draw.linear("embed_tokens", config["vocab_size"], hidden)
    for index in range(config["num_hidden_layers"]):
        at = f"layers.{index}."
        draw.norm(f"{at}input_layernorm", hidden)
        for name, outputs, inputs in (
            ("self_attn.q_proj", heads, hidden),
            ("self_attn.k_proj", keys, hidden),
            ("self_attn.v_proj", keys, hidden),
            ("self_attn.o_proj", hidden, heads),
            ("mlp.gate_proj", wide, hidden),
            ("mlp.up_proj", wide, hidden),
            ("mlp.down_proj", hidden, wide),
        ):
            draw.linear(f"{at}{name}", outputs, inputs)
        draw.norm(f"{at}self_attn.q_norm", head)
        draw.norm(f"{at}self_attn.k_norm", head)
        draw.norm(f"{at}post_attention_layernorm", hidden)
    draw.norm("norm", hidden)
    return draw.tensors


def write_tensors(folder, tensors, prefix=""):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, value in tensors.items():
        rows = value if isinstance(value[0], list) else [value]
        shape = [len(value), len(value[0])] if isinstance(value[0], list) else [len(value)]
        packed = b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)
        place = [len(data), len(data) + len(packed)]
        header[prefix + name] = {"dtype": "F32", "shape": shape, "data_offsets": place}
        data += packed
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_json(folder, name, value):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value))


def write_sentence_files(folder, pooling, prompts=None):
    kinds = ("Transformer", "Pooling", "Normalize")
    modules = [
        {
            "idx": index,
            "name": str(index),
            "path": f"{index}_{kind}" if index else "",
            "type": f"sentence_transformers.models.{kind}",
        }
        for index, kind in enumerate(kinds)
    ]
    write_json(folder, "modules.json", modules)
    (folder / "2_Normalize").mkdir()
    config = {"word_embedding_dimension": 16, f"pooling_mode_{pooling}": True, "include_prompt": True}
    write_json(folder, "1_Pooling/config.json", config)
    if prompts is not None:
        write_json(folder, "config_sentence_transformers.json", {"prompts": prompts})


def write_modern(folder, config=MODERN, *, tensors=None, pooling="mean_tokens", prefix="", prompts=None):
    folder.mkdir(exist_ok=True)
    write_json(folder, "config.json", config)
    write_tensors(folder, tensors or modern_tensors(config), prefix)
    write_sentence_files(folder, pooling, prompts)
    write_tokenizer(folder, MODERN_MARKS, "[CLS] $A [SEP]", pad_token="[PAD]", unk_token="[UNK]")
    return folder


def write_qwen(folder, config=QWEN, *, tensors=None, prefix="", template="$A <|endoftext|>"):
    folder.mkdir(exist_ok=True)
    write_json(folder, "config.json", config)
    write_tensors(folder, tensors or qwen_tensors(config), prefix)
    write_sentence_files(folder, "lasttoken", {"query": QUERY_PROMPT, "document": ""})
    write_tokenizer(folder, QWEN_MARKS, template, pad_token="<|endoftext|>", eos_token="<|im_end|>")
    return folder


def write_tokenizer(folder, marks, template, **names):
    """Whole words, and what the template puts around a text; the cut and the padding are its training's."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {word: index for index, word in enumerate([*marks, *WORDS])}
    unknown = next(mark for mark in marks if "unk" in mark.lower())
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(marks)
    known = [(mark, index) for index, mark in enumerate(marks)]
    tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=known)
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=30)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 120, **names}
    write_json(folder, "tokenizer_config.json", settings)


def ids_of(marks, text, before=(), after=()):
    """A text's token ids, read without the tokenizer."""
    known = [*marks, *WORDS]
    unknown = next(index for index, mark in enumerate(marks) if "unk" in mark.lower())
    words = [known.index(word) if word in WORDS else unknown for word in text.split()]
    return [*map(known.index, before), *words, *map(known.index, after)]
