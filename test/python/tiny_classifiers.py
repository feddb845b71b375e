"""Tiny sequence-classification checkpoints made from a seed, and what they answer, in plain Python.

The forward pass here follows the architectures' definitions number by number, in double precision, and shares
nothing with the code under test; neither does the way that a pair of texts becomes token ids.
"""

import json
import math
import random
import struct

WORDS = [
    *("the", "a", "limit", "is", "was", "not", "above", "under", "twelve", "two"),
    *("requests", "errors", "service", "billing", "search", "rose", "fell"),
]
INFERENCE_LABELS = {"0": "contradiction", "1": "entailment", "2": "neutral"}
# What each family calls its marks, in the order of their ids.
MARKS = {"bert": ["[PAD]", "[UNK]", "[CLS]", "[SEP]"], "roberta": ["<s>", "<pad>", "</s>", "<unk>"]}
ARCHITECTURES = {
    "bert": "BertForSequenceClassification",
    "roberta": "RobertaForSequenceClassification",
    "xlm-roberta": "XLMRobertaForSequenceClassification",
}


def marks_of(kind):
    return MARKS["bert" if kind == "bert" else "roberta"]


def make_config(kind="bert", labels=INFERENCE_LABELS, **changes):
    return {
        "architectures": [ARCHITECTURES[kind]],
        "model_type": kind,
        "hidden_size": 16,
        "num_attention_heads": 4,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "vocab_size": len(WORDS) + 4,
        "max_position_embeddings": 60 if kind == "bert" else 62,
        "type_vocab_size": 2 if kind == "bert" else 1,
        "pad_token_id": 0 if kind == "bert" else 1,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-5,
        "id2label": labels,
        **changes,
    }


def make_tensors(config, seed=7):
    """Tensors as the checkpoint has them, by their full names: rows of numbers, or one row for a vector."""
    source = random.Random(seed)
    hidden, wide, kind = config["hidden_size"], config["intermediate_size"], config["model_type"]

    def vector(size, spread=0.5):
        return [struct.unpack("<f", struct.pack("<f", source.gauss(0, spread)))[0] for _ in range(size)]

    tensors = {}

    def table(name, rows, columns):
        tensors[f"{name}.weight"] = [vector(columns) for _ in range(rows)]

    def linear(name, outputs, inputs):
        table(name, outputs, inputs)
        tensors[f"{name}.bias"] = vector(outputs)

    def norm(name):
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = vector(hidden, 1), vector(hidden)

    base = "bert." if kind == "bert" else "roberta."
    table(f"{base}embeddings.word_embeddings", config["vocab_size"], hidden)
    table(f"{base}embeddings.position_embeddings", config["max_position_embeddings"], hidden)
    table(f"{base}embeddings.token_type_embeddings", config["type_vocab_size"], hidden)
    norm(f"{base}embeddings.LayerNorm")
    for index in range(config["num_hidden_layers"]):
        at = f"{base}encoder.layer.{index}."
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            linear(f"{at}attention.{name}", hidden, hidden)
        linear(f"{at}intermediate.dense", wide, hidden)
        linear(f"{at}output.dense", hidden, wide)
        norm(f"{at}attention.output.LayerNorm")
        norm(f"{at}output.LayerNorm")
    outputs = len(config["id2label"])
    linear("bert.pooler.dense" if kind == "bert" else "classifier.dense", hidden, hidden)
    linear("classifier" if kind == "bert" else "classifier.out_proj", outputs, hidden)
    return tensors


def write_classifier(folder, config, tensors=None, **files):
    """The folder: config.json, tokenizer.json made with the tokenizers package, model.safetensors by hand.

    ``files`` are more JSON files, by their names without the ending.
    """
    folder.mkdir(exist_ok=True)
    header, data = {}, b""
    for name, value in (tensors or make_tensors(config)).items():
        rows = value if isinstance(value[0], list) else [value]
        shape = [len(value), len(value[0])] if isinstance(value[0], list) else [len(value)]
        packed = b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)
        place = [len(data), len(data) + len(packed)]
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": place}
        data += packed
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "config.json").write_text(json.dumps(config))
    make_tokenizer(config["model_type"]).save(str(folder / "tokenizer.json"))
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def make_tokenizer(kind):
    """Whole words and the family's template for a pair; the cut and the padding are its training's."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    marks = marks_of(kind)
    vocabulary = {word: index for index, word in enumerate([*marks, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=marks[1] if kind == "bert" else marks[3]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(marks)
    start, end = (marks[2], marks[3]) if kind == "bert" else (marks[0], marks[2])
    numbers = [(start, vocabulary[start]), (end, vocabulary[end])]
    if kind == "bert":
        pair = f"{start} $A {end} $B:1 {end}:1"
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{start} $A {end}", pair=pair, special_tokens=numbers
        )
    else:
        tokenizer.post_processor = processors.RobertaProcessing(numbers[1], numbers[0], trim_offsets=False)
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=30)
    return tokenizer


def ids_of(kind, first, second):
    """Token ids and types of two texts, read first and second."""
    known = [*marks_of(kind), *WORDS]
    unknown = 1 if kind == "bert" else 3
    one, two = (
        [known.index(word) if word in WORDS else unknown for word in text.split()] for text in (first, second)
    )
    if kind == "bert":
        return [2, *one, 3, *two, 3], [0] * (len(one) + 2) + [1] * (len(two) + 1)
    return [0, *one, 2, 2, *two, 2], [0] * (len(one) + len(two) + 4)


def plain_scores(config, tensors, ids, types):
    """The model's outputs for one pair, before softmax."""
    kind, heads = config["model_type"], config["num_attention_heads"]
    base = "bert." if kind == "bert" else "roberta."
    width = config["hidden_size"] // heads

    def linear(token, name):
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return [dot(row, token) + shift for row, shift in zip(weight, bias, strict=True)]

    def norm(token, name):
        mean = sum(token) / len(token)
        spread = math.sqrt(sum((a - mean) ** 2 for a in token) / len(token) + config["layer_norm_eps"])
        scaled = zip(token, tensors[f"{name}.weight"], tensors[f"{name}.bias"], strict=True)
        return [(a - mean) / spread * by + shift for a, by, shift in scaled]

    def add(*vectors):
        return [sum(numbers) for numbers in zip(*vectors, strict=True)]

    def embedding(name, row):
        return tensors[f"{base}embeddings.{name}_embeddings.weight"][row]

    # RoBERTa counts from the padding id on, without the padding itself.
    start = 0 if kind == "bert" else config["pad_token_id"] + 1
    x = [
        norm(
            add(
                embedding("word", token), embedding("position", start + place), embedding("token_type", sort)
            ),
            f"{base}embeddings.LayerNorm",
        )
        for place, (token, sort) in enumerate(zip(ids, types, strict=True))
    ]
    for index in range(config["num_hidden_layers"]):
        at = f"{base}encoder.layer.{index}."
        asked, keys, values = (
            [linear(token, f"{at}attention.self.{name}") for token in x] for name in ("query", "key", "value")
        )
        mixed = []
        for query in asked:
            parts = []
            for head in range(heads):
                part = slice(head * width, (head + 1) * width)
                scores = [math.exp(dot(query[part], key[part]) / math.sqrt(width)) for key in keys]
                columns = zip(*(value[part] for value in values), strict=True)
                parts += [dot(scores, column) / sum(scores) for column in columns]
            mixed.append(parts)
        x = [
            norm(add(token, linear(part, f"{at}attention.output.dense")), f"{at}attention.output.LayerNorm")
            for token, part in zip(x, mixed, strict=True)
        ]
        wide = [linear(token, f"{at}intermediate.dense") for token in x]
        wide = [[a * 0.5 * (1 + math.erf(a / math.sqrt(2))) for a in token] for token in wide]
        x = [
            norm(add(token, linear(part, f"{at}output.dense")), f"{at}output.LayerNorm")
            for token, part in zip(x, wide, strict=True)
        ]
    dense, last = (
        ("bert.pooler.dense", "classifier") if kind == "bert" else ("classifier.dense", "classifier.out_proj")
    )
    return linear([math.tanh(a) for a in linear(x[0], dense)], last)


def dot(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


def plain_chances(config, tensors, ids, types):
    """Chances in the checkpoint's own order of outputs; of one output, its sigmoid."""
    scores = plain_scores(config, tensors, ids, types)
    if len(scores) == 1:
        return [1 / (1 + math.exp(-scores[0]))]
    powers = [math.exp(score - max(scores)) for score in scores]
    return [power / sum(powers) for power in powers]
