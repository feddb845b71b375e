"""Turn data sets into pairs for training the verification head.

    python scripts/train-head-pairs.py FOLDER > pairs.jsonl

FOLDER holds checkouts under their repositories' names (a set whose folder is
absent is left out, and said so): e-SNLI, NLI_datasets (only its MultiNLI dev
files), Table-Fact-Checking, fool-me-twice, creak and Breaking_NLI (its archive
unpacked). weights/claim-head.md names commits and
licences. Every line is a pair: set, group (what must not be divided between
training and test), claim, passage, label (0 supports, 1 refutes, 2 neither).
The order and every choice depend on SEED alone.
"""

import csv
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

SEED = 20261121
LONGEST = 800
NLI = {"entailment": 0, "contradiction": 1, "neutral": 2}

Pair = tuple[str, str, str, int]  # group, claim, passage, label


def plain(text: str) -> str:
    """Undo the spaces that tokenisers leave, and cut what the encoder would not read."""
    text = re.sub(r"\s+", " ", text).strip()
    text = (
        re.sub(r" ([.,;:!?%)])", r"\1", text).replace("( ", "(").replace(" 's", "'s").replace(" n't", "n't")
    )
    return text[:LONGEST]


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower()))


def esnli(folder: Path) -> Iterator[Pair]:
    for split in ("dev", "test"):
        columns = [
            (folder / "dataset" / "eSNLI" / f"{name}.{split}").read_text().splitlines()
            for name in ("s1", "s2", "labels")
        ]
        for premise, hypothesis, label in zip(*columns, strict=True):
            yield premise, plain(hypothesis), plain(premise), NLI[label.strip()]


def mnli(folder: Path) -> Iterator[Pair]:
    with (folder / "nli_datasets" / "mnli" / "dev.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            yield row["premise"], plain(row["hypothesis"]), plain(row["premise"]), NLI[row["label"]]


def breaking(folder: Path) -> Iterator[Pair]:
    lines = (folder / "data" / "dataset.jsonl").read_text().splitlines()
    random.Random(SEED).shuffle(lines)
    refuted = 0
    for line in lines:
        row = json.loads(line)
        label = NLI[row["gold_label"]]
        refuted += label == 1
        # Seven of eight refute; more than half would only teach that one word too many refutes.
        if label != 1 or refuted <= 1200:
            yield row["sentence1"], plain(row["sentence2"]), plain(row["sentence1"]), label


def creak(folder: Path) -> Iterator[Pair]:
    for split in ("train", "dev"):
        for line in (folder / "data" / "creak" / f"{split}.json").read_text().splitlines():
            row = json.loads(line)
            yield (
                row["entity"],
                plain(row["sentence"]),
                plain(row["explanation"]),
                int(row["label"] == "false"),
            )


def fool_me_twice(folder: Path) -> Iterator[Pair]:
    for split in ("dev", "test"):
        for line in (folder / "dataset" / f"{split}.jsonl").read_text().splitlines():
            row = json.loads(line)
            page, claim = row["wikipedia_page"], plain(row["text"])
            gold = [evidence["text"] for evidence in row["gold_evidence"]]
            label = {"SUPPORTS": 0, "REFUTES": 1}[row["label"]]
            yield page, claim, plain(" ".join(gold)), label
            # Sentences of the same page that a search found and nobody chose: close, but beside the point.
            others = [
                other["text"]
                for other in row["retrieved_evidence"]
                if not any(other["text"] in text or text in other["text"] for text in gold)
            ]
            for other in others[:2]:
                yield page, claim, plain(other), 2


def tables(folder: Path) -> Iterator[Pair]:
    """A statement beside the row that shares most words with it, where there is one such row."""
    generator = random.Random(SEED)
    for split in ("val", "test"):
        examples = json.loads((folder / "tokenized_data" / f"{split}_examples.json").read_text())
        for name, (statements, labels, title) in sorted(examples.items()):
            lines = (folder / "data" / "all_csv" / name).read_text().strip().splitlines()
            header, *rows = [line.split("#") for line in lines]
            said = [
                f"{title}: " + "; ".join(f"{key} {cell}" for key, cell in zip(header, row, strict=False))
                for row in rows
            ]
            kept = 0
            # They stand sorted by label; three of each table are enough.
            labelled = list(zip(statements, labels, strict=True))
            generator.shuffle(labelled)
            for statement, label in labelled:
                wanted = words(statement) - words(title + " " + " ".join(header))
                shared = [len(wanted & words(" ".join(row))) for row in rows]
                best = max(shared, default=0)
                if best < 2 or shared.count(best) != 1 or kept == 3:
                    continue
                kept += 1
                index = shared.index(best)
                yield name, plain(statement), plain(said[index]), 1 - label
                if len(rows) > 1 and generator.random() < 0.4:
                    other = generator.choice([row for row in range(len(rows)) if row != index])
                    yield name, plain(statement), plain(said[other]), 2


SETS = {
    "esnli": ("e-SNLI", esnli),
    "mnli": ("NLI_datasets", mnli),
    "breaking": ("Breaking_NLI", breaking),
    "creak": ("creak", creak),
    "fm2": ("fool-me-twice", fool_me_twice),
    "tabfact": ("Table-Fact-Checking", tables),
}


def main(root: Path) -> None:
    for name, (folder, read) in SETS.items():
        if not (root / folder).is_dir():
            print(f"{name}: no folder {folder}, left out", file=sys.stderr)
            continue
        counts = [0, 0, 0]
        for group, claim, passage, label in read(root / folder):
            if claim and passage:
                pair = {"set": name, "group": group, "claim": claim, "passage": passage, "label": label}
                print(json.dumps(pair, ensure_ascii=False))
                counts[label] += 1
        print(f"{name}: {counts[0]} support, {counts[1]} refute, {counts[2]} neither", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: train-head-pairs.py FOLDER > pairs.jsonl")
    main(Path(sys.argv[1]))
