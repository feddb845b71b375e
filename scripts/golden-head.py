"""Write the golden logits of the verification head, computed apart from its TypeScript.

    python scripts/golden-head.py HEAD test/golden test/evidence/head/golden.json FEATURES

HEAD is the file in weights/; FEATURES is what `train-head-features.ts --as-given` makes of pairs of texts of
test/golden/embeddings.jsonl (FOLDER then holds embeddings.f32 as vectors.f32
and the texts as texts.jsonl). The regressions are computed in double
precision; only the features come from the code under test.
"""

import array
import hashlib
import json
import math
import sys
from pathlib import Path

import mlx.core as mx

DIMENSIONS = 384


def log_sigmoid(x: float) -> float:
    return min(0.0, x) - math.log1p(math.exp(-abs(x)))


def main(head: Path, golden: Path, out: Path, features: Path) -> None:
    mx.set_default_device(mx.cpu)
    weights = {name: tensor.tolist() for name, tensor in mx.load(str(head)).items()}
    rows = array.array("f")
    rows.frombytes((golden / "embeddings.f32").read_bytes())
    pairs = mx.load(str(features))
    answers = []
    for (claim, passage), values in zip(pairs["places"].tolist(), pairs["features"].tolist(), strict=True):
        inputs = [
            (value - mean) * scale
            for value, mean, scale in zip(values, weights["mean"], weights["scale"], strict=True)
        ]
        relevance, stance = (
            bias + sum(weight * value for weight, value in zip(line, inputs, strict=True))
            for line, bias in zip(weights["direct.weight"], weights["direct.bias"], strict=True)
        )
        u, v = (rows[place * DIMENSIONS : (place + 1) * DIMENSIONS] for place in (claim, passage))
        for left, right in zip(weights["claim.weight"], weights["passage.weight"], strict=True):
            stance += sum(map(float.__mul__, left, u)) * sum(map(float.__mul__, right, v))
        bears = log_sigmoid(relevance)
        logits = [bears + log_sigmoid(stance), bears + log_sigmoid(-stance), log_sigmoid(-relevance)]
        answers.append({"claim": claim, "passage": passage, "logits": [round(value, 6) for value in logits]})
    revision = hashlib.sha256(head.read_bytes()).hexdigest()
    out.write_text(json.dumps({"revision": revision, "pairs": answers}, indent=2) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit("usage: golden-head.py HEAD GOLDEN-FOLDER OUT.json FEATURES.safetensors")
    main(*map(Path, sys.argv[1:]))
