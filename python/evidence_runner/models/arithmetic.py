"""The formulas of an encoder: those of a layer (linear, layer norm, GELU, attention), for the GPU and for the
CPU, and how its tokens become one vector.

`FusedArithmetic` is MLX's own kernels, right on Metal. On the CPU those are scalar (24 ns for an erf, 14 for
an exp, 0.1 for a multiplication), so `PlainArithmetic` makes them of additions and multiplications. Nothing
here knows a model, a weight's name or a file.

Shapes: T tokens, B texts on a grid of L places each, D features, H heads of width W (D = H · W).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .layout import Layout

Linear = tuple[Any, Any]
"""A weight (outputs by inputs, as checkpoints store it) and a bias (outputs)."""

# erfc(a / √2) / 2 = Q(a)^-16 for a ≥ 0, highest power first. Our own least-maximum fit of a · Q^-16 over 0..7
# (Lawson weights over Gauss-Newton, 3.8e-8); GELU made of it in float32 is within 4e-7 of the exact value.
GELU_TAIL = (
    9.382404163121477e-07,
    -3.1331546786020156e-06,
    8.244503339724465e-05,
    -1.5268695062651352e-05,
    0.00347210656478956,
    0.022055099881910088,
    0.0520793672021478,
    1.0442735324180068,
)
# exp(-u) = Q(u)^-32 for u ≥ 0: a relative error of 6e-7 up to u = 17 (many small chances add up, so it is the
# relative one that counts), and 1e-13 absolute beyond. Far out Q overflows, and its inverse is the 0 that is
# wanted there: masked keys need no care.
EXPONENTIAL = (
    3.2169554108349837e-10,
    3.834023000018269e-08,
    5.097979369551334e-06,
    0.0004882391099206165,
    0.031250048350079385,
    1.0,
)
MASKED = -1e9


class FusedArithmetic:
    """MLX's own kernels."""

    def __init__(self, mx: Any) -> None:
        self.mx = mx

    def layout(self, rows: Sequence[Sequence[int]], length: int) -> Layout:
        """How rows of tokens lie: padded to `length`, so that buffers of the same sizes are used again."""
        return Layout(self.mx, list(map(len, rows)), length, dense=False)

    def linear(self, x: Any, weights: Linear) -> Any:
        """(T, inputs) to (T, outputs)."""
        return self.mx.addmm(weights[1], x, weights[0].T)

    def layer_norm(self, x: Any, weights: Linear, epsilon: float) -> Any:
        return self.mx.fast.layer_norm(x, *weights, epsilon)

    def gelu(self, x: Any) -> Any:
        return x * (0.5 + 0.5 * self.mx.erf(x * math.sqrt(0.5)))

    def attention(
        self, x: Any, weights: Linear, layout: Layout, heads: int, turns: Any = None, near: Any = None
    ) -> Any:
        """Self-attention before its output layer: (T, D) to (T, D).

        `weights` makes queries (scaled already), keys and values at once. `turns` and `near` are what those
        methods made, for models that tell places by rotation and whose tokens see their neighbours alone.
        """
        mx, kept, features = self.mx, layout.kept, x.shape[1]
        joined = layout.to_grid(self.linear(x, weights))
        joined = joined.reshape(layout.texts, layout.length, 3, heads, features // heads)
        queries, keys, values = joined.transpose(2, 0, 3, 1, 4)
        if turns is not None:
            queries, keys = self.rotate(queries, turns), self.rotate(keys, turns)
        mask = near if kept is None else kept[:, None, None, :]
        if kept is not None and near is not None:
            # A row of padding may have no neighbour that is kept; it sees all, since a mean of none is NaN.
            mask = mask & near | ~kept[:, None, :, None]
        mixed = mx.fast.scaled_dot_product_attention(queries, keys, values, scale=1.0, mask=mask)
        return layout.from_grid(mixed.transpose(0, 2, 1, 3).reshape(-1, features))

    def turns(self, base: float, width: int, length: int) -> Any:
        """What `rotate` needs for heads of this width, in texts of up to `length` tokens."""
        return base

    def rotate(self, x: Any, turns: Any) -> Any:
        """Rotary places, (…, L, W): a head's two halves are turned by an angle that grows with the place."""
        width = x.shape[-1]
        return self.mx.fast.rope(x, width, traditional=False, base=turns, scale=1.0, offset=0)

    def near(self, length: int, window: int) -> Any:
        """Which of `length` tokens see each other: those up to `window` places apart. None where all do."""
        if length <= window + 1:
            return None
        places = self.mx.arange(length)
        return self.mx.abs(places[:, None] - places) <= window


class PlainArithmetic(FusedArithmetic):
    """The same formulas for one CPU core with a BLAS."""

    # OpenBLAS copies a whole weight into its own order before it multiplies: for a few tokens that costs more
    # than the product. Its kernels for small matrices do not copy; they take at most so many outputs and
    # multiplications (measured), so the weight is used in pieces of this many rows.
    PIECE_ROWS = 16
    PIECE_TOKENS = 24
    PIECE_OUTPUTS = 1152
    PIECE_MULTIPLICATIONS = 1_000_000
    # Up to here the weight is better off as the left factor.
    LEFT_TOKENS = 64
    # Below this many scores MLX's softmax costs less than calling the eighteen operations in its place.
    SMALL_SCORES = 4096

    def __init__(self, mx: Any, features: int, small_kernels: bool) -> None:
        super().__init__(mx)
        self.small_kernels = small_kernels
        # A product with a column of 1/D is a mean that BLAS takes, at half the price of MLX's reduction.
        self.average = mx.full((features, 1), 1 / features)

    def layout(self, rows: Sequence[Sequence[int]], length: int) -> Layout:
        """How rows of tokens lie: without padding, since a core pays for each token that it multiplies."""
        lengths = list(map(len, rows))
        return Layout(self.mx, lengths, max(lengths), dense=True)

    def linear(self, x: Any, weights: Linear) -> Any:
        weight, bias = weights
        if self.fits(x, weight, self.PIECE_ROWS):
            return self.pieces(x, weights, self.PIECE_ROWS).transpose(1, 0, 2).reshape(x.shape[0], -1)
        if x.shape[0] <= self.LEFT_TOKENS:
            return (weight @ x.T + bias[:, None]).T
        return x @ weight.T + bias

    def fits(self, x: Any, weight: Any, rows: int) -> bool:
        """Whether a linear layer runs on small kernels in pieces of so many of its weight's rows."""
        tokens, (outputs, inputs) = x.shape[0], weight.shape
        return (
            self.small_kernels
            and outputs % rows == 0
            and tokens <= self.PIECE_TOKENS
            and tokens * rows <= self.PIECE_OUTPUTS
            and tokens * rows * inputs <= self.PIECE_MULTIPLICATIONS
        )

    def pieces(self, x: Any, weights: Linear, rows: int) -> Any:
        """(T, inputs) to (outputs / rows, T, rows)."""
        weight, bias = weights
        count = weight.shape[0] // rows
        return x @ weight.reshape(count, rows, -1).transpose(0, 2, 1) + bias.reshape(count, 1, rows)

    def layer_norm(self, x: Any, weights: Linear, epsilon: float) -> Any:
        mx = self.mx
        centred = x - x @ self.average
        return centred * mx.rsqrt((centred * centred) @ self.average + epsilon) * weights[0] + weights[1]

    def gelu(self, x: Any) -> Any:
        mx = self.mx
        size = mx.abs(x)
        tail = power(mx, horner(GELU_TAIL, size), 4)
        return mx.maximum(x, 0.0) - size / tail

    def attention(
        self, x: Any, weights: Linear, layout: Layout, heads: int, turns: Any = None, near: Any = None
    ) -> Any:
        mx, kept = self.mx, layout.kept
        queries, keys, values = self.heads(x, weights, layout, heads)
        if turns is not None:
            queries, keys = self.rotate(queries, turns), self.rotate(keys, turns)
        # Keys run down, queries across: MLX takes a maximum across rows twice as fast as along them.
        scores = keys @ queries.swapaxes(-1, -2)
        if kept is not None:
            scores = scores + mx.where(kept, 0.0, MASKED)[:, :, None]
        if near is not None:
            scores = scores + near
        if scores.size <= self.SMALL_SCORES:
            mixed = values.swapaxes(-1, -2) @ mx.softmax(scores, axis=-2)
        else:
            below = scores.max(axis=-2, keepdims=True) - scores
            chances = mx.reciprocal(power(mx, horner(EXPONENTIAL, below), 5))
            mixed = values.swapaxes(-1, -2) @ chances / chances.sum(axis=-2, keepdims=True)
        return layout.from_grid(mixed.transpose(1, 3, 0, 2).reshape(-1, x.shape[1]))

    def turns(self, base: float, width: int, length: int) -> Any:
        # Once, in double precision: MLX's kernel would take a sine of every number, every time.
        angles = [[place * base ** (-step / width) for step in range(0, width, 2)] for place in range(length)]
        return tuple(
            self.mx.array([[turn(angle) for angle in row] for row in angles]) for turn in (math.cos, math.sin)
        )

    def rotate(self, x: Any, turns: Any) -> Any:
        cosines, sines = (table[: x.shape[-2]] for table in turns)
        first, second = self.mx.split(x, 2, axis=-1)
        return self.mx.concatenate(
            [first * cosines - second * sines, second * cosines + first * sines], axis=-1
        )

    def near(self, length: int, window: int) -> Any:
        seen = super().near(length, window)
        return None if seen is None else self.mx.where(seen, 0.0, MASKED)

    def heads(self, x: Any, weights: Linear, layout: Layout, heads: int) -> list[Any]:
        """Queries, keys and values, (H, B, L, W) each, laid out as the cheapest product leaves them."""
        tokens, features = x.shape
        texts, length, width = layout.texts, layout.length, features // heads
        if layout.spread is not None:
            joined = layout.to_grid(self.linear(x, weights))
            joined = joined.reshape(texts, length, 3, heads, width).transpose(2, 3, 0, 1, 4)
        elif self.fits(x, weights[0], width):
            joined = self.pieces(x, weights, width).reshape(3, heads, texts, length, width)
        elif tokens <= self.LEFT_TOKENS:
            joined = weights[0] @ x.T + weights[1][:, None]
            joined = joined.reshape(3, heads, width, texts, length).transpose(0, 1, 3, 4, 2)
        else:
            joined = x @ weights[0].T + weights[1]
            joined = joined.reshape(texts, length, 3, heads, width).transpose(2, 3, 0, 1, 4)
        # Not joined[0]: an index gathers, which copies element by element.
        return [part.squeeze(0) for part in self.mx.split(joined, 3)]


def pool(mx: Any, x: Any, layout: Layout, checkpoint: Any) -> Any:
    """One vector a text, (T, D) to (B, dimensions), as the checkpoint says: mean or first token, how much of
    it, and whether its length becomes 1."""
    x, kept = layout.to_grid(x).reshape(layout.texts, layout.length, -1), layout.kept
    if checkpoint.pooling == "cls":
        vectors = x[:, :1].squeeze(1)
    elif kept is None:
        vectors = x.mean(axis=1)
    else:
        vectors = (x * kept[:, :, None]).sum(axis=1) / kept.sum(axis=1, keepdims=True)
    return finish(mx, vectors, checkpoint)


def finish(mx: Any, vectors: Any, checkpoint: Any) -> Any:
    """Vectors, (B, D), of the checkpoint's dimensions, and of length 1 where it says so."""
    if checkpoint.dimensions < vectors.shape[-1]:
        vectors = vectors[:, : checkpoint.dimensions]
    if checkpoint.normalize:
        return vectors / mx.maximum(mx.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    # A view of more numbers can't be read out as bytes.
    return mx.contiguous(vectors)


def horner(coefficients: Sequence[float], x: Any) -> Any:
    """The polynomial with these coefficients, highest power first."""
    value = x * coefficients[0] + coefficients[1]
    for coefficient in coefficients[2:]:
        value = value * x + coefficient
    return value


def power(mx: Any, x: Any, doublings: int) -> Any:
    """x to the power 2^doublings."""
    for _ in range(doublings):
        x = mx.square(x)
    return x


# The kernels of OpenBLAS that multiply small matrices without copying them first.
CORES_WITH_SMALL_KERNELS = ("SkylakeX", "Cooperlake", "SapphireRapids")


def arithmetic_for(mx: Any, hidden: int, core: str | None) -> PlainArithmetic | FusedArithmetic:
    """The formulas for the device at hand; `core` names the kernels that the BLAS has chosen."""
    if mx.default_device() == mx.cpu:
        return PlainArithmetic(mx, hidden, core in CORES_WITH_SMALL_KERNELS)
    return FusedArithmetic(mx)
