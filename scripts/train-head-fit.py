"""Fit the verification head on what train-head-features.ts made.

    python scripts/train-head-fit.py FOLDER TRAIN.safetensors OUT.safetensors

FOLDER is that of train-head-vectors.ts. Two logistic regressions, with SEED:
whether a passage bears on a claim, and on which side. Without OUT nothing is
written; each set is left out once instead, and what the others taught is
measured on it (leave one set out).
"""

import array
import hashlib
import sys
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim

SEED = 20261121
DIMENSIONS = 384
# Groups with this rest are left to train-head-calibrate.ts.
HELD_OUT = (10, 7)
ENCODER = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
# Sets whose "neither" is about the claim's subject in the way of sources. "Neutral" of the language inference
# sets means that a caption or sentence leaves something open, which is another question.
ABOUT_RELEVANCE = ("creak", "fm2", "tabfact", "operations")
# Signs of words beside it helped some sets and harmed others; nothing was better on text of another kind.
RELEVANCE = ("cosine",)
# Pairs of directions in the vectors, and how much what they say counts beside the features.
DIRECTIONS = 32
SHARE = 0.6
# Signs of the passage alone say which data set it comes from, rather than which side it is on.
NOT_STANCE = [
    "negatedPassage",
    "passageUp",
    "passageDown",
    "doubts",
    "assurances",
    "passageHedges",
    "passageAbsolutes",
    "passagePlans",
    "passageLength",
]


def area(scores: list[float], positive: list[bool]) -> float:
    """Area under the ROC curve; a tie counts half."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks, first = 0.0, 0
    while first < len(order):
        last = first
        while last + 1 < len(order) and scores[order[last + 1]] == scores[order[first]]:
            last += 1
        ranks += sum((first + last) / 2 + 1 for place in order[first : last + 1] if positive[place])
        first = last + 1
    ones = sum(positive)
    zeros = len(positive) - ones
    return (ranks - ones * (ones + 1) / 2) / (ones * zeros) if ones and zeros else float("nan")


class Pairs:
    """Inputs, labels and sets of all pairs."""

    def __init__(self, folder: Path, file: Path) -> None:
        tensors, metadata = mx.load(str(file), return_metadata=True)
        self.sets = metadata["sets"].split(",")
        self.names = metadata["features"].split(",")
        self.label = tensors["label"].tolist()
        self.set = [self.sets[index] for index in tensors["set"].tolist()]
        self.rarity = tensors["rarity"]
        self.features = tensors["features"]
        rows = array.array("f")
        with (folder / "vectors.f32").open("rb") as vectors:
            rows.frombytes(vectors.read())
        # Numbers of about 1, as the regression's inputs are.
        self.vectors = mx.array(memoryview(rows)).reshape(-1, DIMENSIONS) * DIMENSIONS**0.5
        self.claims, self.passages = tensors["places"][:, 0], tensors["places"][:, 1]
        self.held_out = [group % HELD_OUT[0] == HELD_OUT[1] for group in tensors["group"].tolist()]


def weights_of(targets: list[bool], sets: list[str]) -> mx.array:
    """Every set counts by the root of its size, and its two sides count the same."""
    counts: dict[tuple[str, bool], int] = {}
    for key in zip(sets, targets, strict=True):
        counts[key] = counts.get(key, 0) + 1
    sizes = {name: counts.get((name, True), 0) + counts.get((name, False), 0) for name in set(sets)}
    weights = [
        sizes[name] ** 0.5 / counts[(name, target)] for name, target in zip(sets, targets, strict=True)
    ]
    mean = sum(weights) / len(weights)
    return mx.array([weight / mean for weight in weights])


def fit(inputs: mx.array, targets: list[bool], sets: list[str], epochs: int = 5) -> tuple[mx.array, mx.array]:
    """Weight of each input and bias of a logistic regression."""
    mx.random.seed(SEED)
    model = nn.Linear(inputs.shape[1], 1)
    model.weight = mx.zeros_like(model.weight)
    wanted, weights = mx.array([float(target) for target in targets]), weights_of(targets, sets)
    batch = 2048
    steps = epochs * ((len(targets) + batch - 1) // batch)
    optimizer = optim.AdamW(learning_rate=optim.cosine_decay(0.01, steps), weight_decay=0.01)

    def loss(model: nn.Linear, x: mx.array, y: mx.array, weight: mx.array) -> mx.array:
        z = model(x)[:, 0]
        return (weight * (mx.logaddexp(mx.zeros_like(z), z) - y * z)).sum() / weight.sum()

    step = nn.value_and_grad(model, loss)
    for _ in range(epochs):
        order = mx.random.permutation(len(targets))
        for start in range(0, len(targets), batch):
            rows = order[start : start + batch]
            _, gradients = step(model, inputs[rows], wanted[rows], weights[rows])
            optimizer.update(model, gradients)
            mx.eval(model.parameters(), optimizer.state)
    return model.weight[0], model.bias


class Directions(nn.Module):
    """What pairs of directions say: the claim's part along one times the passage's along the other."""

    def __init__(self) -> None:
        super().__init__()
        self.claim = nn.Linear(DIMENSIONS, DIRECTIONS, bias=False)
        self.passage = nn.Linear(DIMENSIONS, DIRECTIONS, bias=False)
        self.weight = mx.full((DIRECTIONS,), 0.025)
        self.bias = mx.zeros((1,))

    def __call__(self, claims: mx.array, passages: mx.array) -> mx.array:
        return (self.claim(claims) * self.passage(passages) * self.weight).sum(1) + self.bias


def fit_directions(pairs: Pairs, rows: list[int], targets: list[bool], epochs: int = 3) -> Directions:
    mx.random.seed(SEED)
    model = Directions()
    wanted = mx.array([float(target) for target in targets])
    weights = weights_of(targets, [pairs.set[index] for index in rows])
    places = mx.array(rows)
    claims, passages = pairs.claims[places], pairs.passages[places]
    batch = 2048
    steps = epochs * ((len(rows) + batch - 1) // batch)
    optimizer = optim.AdamW(learning_rate=optim.cosine_decay(0.001, steps), weight_decay=5)

    def loss(model: Directions, u: mx.array, v: mx.array, y: mx.array, weight: mx.array) -> mx.array:
        z = model(u, v)
        return (weight * (mx.logaddexp(mx.zeros_like(z), z) - y * z)).sum() / weight.sum()

    step = nn.value_and_grad(model, loss)
    for _ in range(epochs):
        order = mx.random.permutation(len(rows))
        for start in range(0, len(rows), batch):
            some = order[start : start + batch]
            u, v = pairs.vectors[claims[some]], pairs.vectors[passages[some]]
            _, gradients = step(model, u, v, wanted[some], weights[some])
            optimizer.update(model, gradients)
            mx.eval(model.parameters(), optimizer.state)
    return model


class Recipe:
    """The two regressions over standardised features, zeros where an output does not look."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs
        self.mean = pairs.features.mean(0)
        self.scale = 1 / mx.maximum(mx.sqrt(pairs.features.var(0)), 1e-3)
        self.inputs = (pairs.features - self.mean) * self.scale
        self.columns = (
            [pairs.names.index(name) for name in RELEVANCE],
            [index for index, name in enumerate(pairs.names) if name not in NOT_STANCE],
        )

    def rows(self, output: int, test: str | None, train: bool) -> list[int]:
        """Pairs that this output is fitted to, or those of `test` that it is measured on."""
        return [
            index
            for index, (name, label) in enumerate(zip(self.pairs.set, self.pairs.label, strict=True))
            if ((name == test) != train if not train else name != test and not self.pairs.held_out[index])
            and (output == 0 or label != 2)
            and not (train and output == 0 and name not in ABOUT_RELEVANCE)
        ]

    def target(self, output: int, index: int) -> bool:
        return self.pairs.label[index] != 2 if output == 0 else self.pairs.label[index] == 0

    def regression(self, output: int, left_out: str | None) -> tuple[mx.array, mx.array]:
        rows = self.rows(output, left_out, train=True)
        columns = mx.array(self.columns[output])
        weight, bias = fit(
            self.inputs[mx.array(rows)][:, columns],
            [self.target(output, index) for index in rows],
            [self.pairs.set[index] for index in rows],
        )
        whole = mx.zeros(len(self.pairs.names))
        whole[columns] = weight
        return whole, bias

    def directions(self, left_out: str | None) -> Directions:
        rows = self.rows(1, left_out, train=True)
        return fit_directions(self.pairs, rows, [self.target(1, index) for index in rows])

    def left_out(self) -> None:
        for name in self.pairs.sets:
            said = []
            for output in (0, 1):
                rows = self.rows(output, name, train=False)
                positive = [self.target(output, index) for index in rows]
                weight, bias = self.regression(output, name)
                tested = self.inputs[mx.array(rows)]
                scores = tested @ weight + bias
                if output == 1:
                    places, pairs = mx.array(rows), self.pairs
                    u, v = pairs.vectors[pairs.claims[places]], pairs.vectors[pairs.passages[places]]
                    scores = scores + SHARE * self.directions(name)(u, v)
                found = area(scores.tolist(), positive)
                alone = area(tested[:, 0].tolist(), positive)
                said.append(f"{100 * found:.1f} (cosine alone {100 * alone:.1f}, n {len(rows)})")
            print(f"{name}: relevance {said[0]}; side {said[1]}", flush=True)


def write(recipe: Recipe, file: Path) -> None:
    pairs = recipe.pairs
    direct, bias = zip(*(recipe.regression(output, None) for output in (0, 1)), strict=True)
    found = recipe.directions(None)
    bias = (bias[0], bias[1] + SHARE * found.bias)
    # The vectors of inference have length 1.
    scale = SHARE * DIMENSIONS * found.weight[:, None]
    tensors = {
        "claim.weight": found.claim.weight,
        "passage.weight": found.passage.weight * scale,
        "mean": recipe.mean,
        "scale": recipe.scale,
        "direct.weight": mx.stack(direct),
        "direct.bias": mx.concatenate(bias),
        "rarity": pairs.rarity,
    }
    metadata = {
        "name": "claim-head",
        "encoder": ENCODER,
        "dimensions": str(DIMENSIONS),
        "features": ",".join(pairs.names),
        "calibration": "null",
        "seed": str(SEED),
        "sets": ",".join(pairs.sets),
    }
    mx.save_safetensors(str(file), tensors, metadata)
    print(f"{file.stat().st_size} bytes, sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}")


def main(arguments: list[str]) -> None:
    mx.set_default_device(mx.cpu)
    recipe = Recipe(Pairs(Path(arguments[0]), Path(arguments[1])))
    if len(arguments) == 3:
        write(recipe, Path(arguments[2]))
    else:
        recipe.left_out()


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: train-head-fit.py FOLDER TRAIN.safetensors [OUT.safetensors]")
    main(sys.argv[1:])
