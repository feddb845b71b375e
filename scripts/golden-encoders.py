"""Write the golden vectors of the tiny ModernBERT and Qwen3-Embedding checkpoints with PyTorch.

The checkpoints are made from a seed by test/python/tiny_encoders.py; their vectors go to encoders.json in the
folder given:

    pip install torch==2.13.0 sentence-transformers==6.2.0 \
        transformers==5.23.0 tokenizers==0.23.3
    python scripts/golden-encoders.py test/golden

The torch wheel of the committed file was the CPU one (2.13.0+cpu).
"""

import json
import os
import platform
import random
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test" / "python"))

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from tiny_encoders import MODERN, MODERN_MARKS, QWEN_MARKS, WORDS, ids_of, write_modern, write_qwen

# Empty, of every length about the window of local attention, and longer than the model reads.
WORD_COUNTS = (0, 1, 3, 4, 5, 8, 13, 30, 70, 119, 140)
LIMIT = MODERN["max_position_embeddings"]
PACKAGES = ("torch", "sentence-transformers", "transformers", "tokenizers", "safetensors", "numpy")
BIASED = {**MODERN, "attention_bias": True, "mlp_bias": True, "norm_bias": True}
# What the tests make again: how each folder is made, which encoding is asked for, how many numbers are kept.
SETS = {
    "modernbert-mean": (lambda at: write_modern(at), MODERN_MARKS, "document", None),
    "modernbert-cls": (lambda at: write_modern(at, pooling="cls_token"), MODERN_MARKS, "document", None),
    "modernbert-biased": (lambda at: write_modern(at, BIASED), MODERN_MARKS, "document", None),
    "qwen3-document": (lambda at: write_qwen(at), QWEN_MARKS, "document", None),
    "qwen3-query": (lambda at: write_qwen(at), QWEN_MARKS, "query", None),
    "qwen3-shortened": (lambda at: write_qwen(at), QWEN_MARKS, "document", 6),
}


def texts() -> list[str]:
    source = random.Random(21)
    return [" ".join(source.choice(WORDS) for _ in range(count)) for count in WORD_COUNTS]


def check_tokens(model: SentenceTransformer, name: str, marks: list[str], text: str) -> None:
    around = (["[CLS]"], ["[SEP]"]) if marks is MODERN_MARKS else ([], ["<|endoftext|>"])
    expected = ids_of(marks, text, *around)
    if len(expected) > LIMIT:
        expected = [*expected[: LIMIT - 1], expected[-1]]
    fed = model.preprocess([text])["input_ids"].tolist()
    if fed != [expected]:
        sys.exit(f"{name}: sentence-transformers feeds other tokens than the test: {fed[0][:9]}")


def vectors_of(name: str, folder: Path) -> list[list[float]]:
    make, marks, role, dimensions = SETS[name]
    made = make(folder / name)
    weights = {"attn_implementation": "eager", "dtype": torch.float32}
    model = SentenceTransformer(str(made), device="cpu", model_kwargs=weights, truncate_dim=dimensions)
    model.max_seq_length = LIMIT
    encode = model.encode_query if role == "query" else model.encode_document
    rows = []
    for text in texts():
        check_tokens(model, name, marks, text)
        row = encode([text], batch_size=1, convert_to_numpy=True, show_progress_bar=False)[0]
        # Shortened vectors get their length back; the others have it.
        rows.append((row / np.linalg.norm(row)).astype("<f4").tolist())
    return rows


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    with torch.inference_mode(), tempfile.TemporaryDirectory() as made:
        sets = {name: vectors_of(name, Path(made)) for name in SETS}
    golden = {
        "recipe": {
            "script": "scripts/golden-encoders.py",
            "vectors": "SentenceTransformer.encode_document and encode_query, one text a call",
            "tokens": "equal to what tiny_encoders.ids_of gives, for every text",
            "max_seq_length": LIMIT,
            "attention": "eager",
            "dtype": "float32",
            "machine": platform.machine(),
            "python": platform.python_version(),
            "packages": {name: version(name) for name in PACKAGES},
        },
        "texts": texts(),
        "sets": sets,
    }
    (folder / "encoders.json").write_text(json.dumps(golden, indent=1) + "\n")
    print(f"{len(sets)} sets of {len(WORD_COUNTS)} vectors")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: golden-encoders.py FOLDER")
    main(Path(sys.argv[1]))
