"""Every line that only runs with Metal, run once on machines without it: whole operations that take a
recorded GPU for a real one, beside the same on the CPU, while the lines that run are watched.
"""

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import guarded_lines
from recording_metal import GIB, RecordingMetal
from tiny_classifiers import WORDS, make_config, write_classifier

from evidence_runner import metal, runtime
from evidence_runner.models.arithmetic import FusedArithmetic, PlainArithmetic
from evidence_runner.models.layout import Layout
from evidence_runner.models.modern_bert import ModernBert, read_modern_bert
from evidence_runner.ops.embed import BUCKETS, METAL_LIMITS, Embed
from evidence_runner.ops.generate import Generate
from evidence_runner.ops.verify import Verify


def blas() -> str | None:
    made = os.path.join(sys.prefix, "blas", "libopenblas.so")
    return made if os.path.isfile(made) else None


@pytest.fixture(scope="module", autouse=True)
def mx():
    # The first to ask decides for the whole process, so the same library as in test_embed.py.
    runtime.prepare(blas())
    import mlx.core

    return mlx.core


def test_the_documentation_names_these_lines_and_no_others():
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    told = "put what test/support/guarded_lines.py prints into docs/operations.md"
    assert guarded_lines.table() in page, told


def test_guards_are_found_in_each_form(tmp_path):
    source = """\
import sys
def f(on_metal, mx, machine):
    a = 1 if on_metal else 2
    b = (
        3
        if machine["device"] != "metal"
        else 4
    )
    if mx.default_device() == mx.cpu:
        a = 5
    else:
        a = 6
    if sys.platform == "linux":
        b = 7
    elif not on_metal:
        b = 8
    else:
        b = 9
    if a:
        if not mx.metal.is_available():
            return a
        # no code here
        b = mx.fast.rope(a, *b, scale=1.0)
    for _ in range(b):
        if on_metal and a:
            a = mx.gpu
    return b
class FusedThing:
    def g(self):
        "said"
        return self.mx.metal.clear_cache()
"""
    path = tmp_path / "some.py"
    path.write_text(source)
    # All that is left for others than Linux counts too, line 15 on.
    assert guarded_lines.lines_of(path) == {3, 7, 12, 15, 16, 18, 23, 26, 31}
    found = {call for node in guarded_lines.guarded_in(path) for call in guarded_lines.calls_in(node)}
    assert guarded_lines.Call("fast.rope", 1, ("scale",), True) in found
    assert guarded_lines.Call("metal.clear_cache", 0) in found
    assert guarded_lines.Call("gpu") in found
    assert guarded_lines.spans({3, 4, 5, 9}) == "3 to 5, 9"


def test_a_guarded_line_that_does_not_run_is_told():
    path = Path(metal.__file__)
    with guarded_lines.watched({path}) as ran:
        metal.facts()
    never = guarded_lines.lines_of(path) - ran[path]
    source = path.read_text().splitlines()
    told = {source[line - 1].strip() for line in never}
    assert "_metal.mx.set_wired_limit(0)" in told
    assert "if not _metal:" not in told


def sentence_encoder(folder, blas):
    write_classifier(folder, make_config(max_position_embeddings=700))
    write_modules(folder)
    return Embed(str(folder), blas=blas)


def write_modules(folder):
    kinds = {"Transformer": "", "Pooling": "1_Pooling"}
    modules = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for kind, path in kinds.items()]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')


def modern_checkpoint(folder, mx):
    config = {
        "hidden_size": 16,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "global_attn_every_n_layers": 2,
        "local_attention": 4,
        "vocab_size": 30,
        "max_position_embeddings": 64,
        "pad_token_id": 0,
    }
    write_modules(folder)
    for name in ("tokenizer.json", "model.safetensors"):
        (folder / name).write_text("{}")
    checkpoint = read_modern_bert(str(folder), config)
    tensors = {
        name: mx.random.normal(shape, key=mx.random.key(place)) * 0.3
        for place, (name, shape) in enumerate(checkpoint.shapes().items())
    }
    mx.save_safetensors(checkpoint.weights, tensors)
    return checkpoint


def every_formula(mx, arithmetic):
    """All that an encoder computes with, on numbers of a seed; the plain formulas and the GPU's."""
    made = []
    bias = mx.random.normal((96,), key=mx.random.key(2))
    linear = mx.random.normal((96, 32), key=mx.random.key(1)) * 0.2, bias
    norm = mx.ones((32,)) * 1.5, mx.zeros((32,)) + 0.1
    for texts, length in ((1, 3), (3, 8), (4, 40)):
        x = mx.random.normal((texts * length, 32), key=mx.random.key(length))
        made += [arithmetic.linear(x, linear), arithmetic.gelu(x), arithmetic.layer_norm(x, norm, 1e-5)]
        for lengths in ([length] * texts, [*range(length - texts + 1, length + 1)]):
            layout = Layout(mx, lengths, length, dense=False)
            made.append(arithmetic.attention(x, linear, layout, 4))
            turns, near = arithmetic.turns(10000.0, 8, length), arithmetic.near(length, 4)
            turned = arithmetic.attention(x, linear, layout, 4, turns, near)
            # What stands at the places of padding is nobody's.
            rows = turned.reshape(texts, length, 32)
            made.append(rows if layout.kept is None else mx.where(layout.kept[:, :, None], rows, 0.0))
    return made


def test_the_kernels_for_the_gpu_compute_what_the_plain_formulas_do(mx):
    plain, fused = (every_formula(mx, made) for made in (PlainArithmetic(mx, 32, True), FusedArithmetic(mx)))
    assert len(plain) == len(fused) == 21
    for one, other in zip(plain, fused, strict=True):
        assert mx.abs(one - other).max().item() <= 1e-5


ITEM = {
    "system": "", "shared": "", "maxTokens": 12, "temperature": 0, "topP": 1, "topK": 0, "stop": [],
    "schema": None, "labels": None, "scope": "", "seed": None, "stream": False,
}  # fmt: skip


class Tour:
    """Whole operations on a recorded GPU, with all lines watched, beside the same on the CPU."""

    texts = ("a limit", " ".join(WORDS), "the " * 100, "the " * 600)
    pairs = (["a limit", "the limit is twelve"], ["a", "the " * 600])

    def __init__(self, mx, folder, monkeypatch):
        for name in ("texts", "pairs", "modern"):
            (folder / name).mkdir()
        write_classifier(folder / "pairs", make_config(max_position_embeddings=700))
        self.operations = (
            (sentence_encoder(folder / "texts", blas()), self.texts),
            (Verify(str(folder / "pairs"), blas=blas(), most_tokens=700), self.pairs),
        )
        self.modern = modern_checkpoint(folder / "modern", mx)
        # Not above: it imports MLX, which has to find its BLAS first.
        from tiny_language_model import make_language_model

        make_language_model(str(folder / "causal"))
        self.generate = Generate(str(folder / "causal"), blas=blas(), slots=2)
        self.plain, self.plain_texts = self.answers(), self.write()
        monkeypatch.setattr(metal, "_metal", None)
        self.mac = RecordingMetal()
        self.mac.install(monkeypatch, mx)
        with guarded_lines.watched(set(guarded_lines.guarded_lines())) as self.ran:
            self.fused, self.cleared = self.answers(), self.mac.named("clear_cache")
            self.fused_texts = self.write()
            self.machines = [operation.machine for operation, _ in self.operations]
            self.machines.append(self.generate.machine)
            every_formula(mx, FusedArithmetic(mx))
            with monkeypatch.context() as elsewhere:
                elsewhere.setattr(sys, "platform", "darwin")
                self.mac.active = self.mac.peak = 1 << 50
                self.memory = runtime.memory()
            metal.start(RecordingMetal(available=False))
            metal.facts()

    def answers(self):
        made = []
        for operation, items in self.operations:
            operation.load()
            operation.warm_up()
            for item in items:
                vectors, _ = operation.forward([item], {})
                made.append(memoryview(bytes(vectors.data)).cast("f").tolist())
        modern = ModernBert(self.modern)
        return made + modern.encode([[3, 4, 5], [6, 7, 8, 9, 10, 11, 12, 13]], 8).tolist()

    def write(self):
        """What two prompts go on with, one of them longer than what is read at once."""
        self.generate.load()
        self.generate.warm_up()
        written = {}
        for call_id, prompt in enumerate(("the claim", "the claim is disputed " * 200)):
            self.generate.insert(call_id, {**ITEM, "prompt": prompt}, {}, None)
        while self.generate.busy:
            written |= {step.call_id: step.result for step in self.generate.step() if step.done}
        return [written[call_id]["text"] for call_id in sorted(written)]


@pytest.fixture(scope="module")
def tour(mx, tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield Tour(mx, tmp_path_factory.mktemp("metal"), monkeypatch)


def test_every_guarded_line_ran_against_recorded_calls(tour):
    for path, lines in guarded_lines.guarded_lines().items():
        assert lines <= tour.ran[path], (
            f"{path.name}: {guarded_lines.spans(lines - tour.ran[path])} never ran"
        )


def test_the_table_of_guarded_lines_names_each_file():
    table = guarded_lines.table()
    for path in (metal.__file__, runtime.__file__):
        assert f"evidence_runner/{os.path.basename(path)}`" in table
    assert "batcher.py" not in table


def test_operations_on_the_recorded_gpu_answer_as_on_the_cpu(tour):
    assert len(tour.plain) == len(tour.fused) == 8
    for one, other in zip(tour.plain, tour.fused, strict=True):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 1e-5


def test_operations_on_the_recorded_gpu_say_what_machine_it_is(tour):
    for machine in tour.machines:
        assert machine["device"] == "metal"
        assert machine["deviceName"] == "Apple M9"
        assert machine["memoryBytes"] == 16 * GIB


def test_encoders_on_the_recorded_gpu_pad_to_buckets_in_larger_passes(tour):
    for operation, _ in tour.operations:
        assert operation.limits == METAL_LIMITS._replace(buckets=operation.buckets)
        assert operation.buckets[:2] == BUCKETS[:2]


def test_operations_clear_the_cache_after_their_odd_shapes_alone(tour):
    # Each operation's longest item is beyond the buckets for every day. Warm-up runs embed's buckets, one of
    # which is the model's own limit, 700.
    assert tour.cleared == [("clear_cache",)] * 3


def test_a_language_model_ends_up_with_nothing_wired(tour):
    # mlx-lm wires what the GPU can use.
    assert tour.mac.named("set_wired_limit") == [("set_wired_limit", 11 * GIB), ("set_wired_limit", 0)]


def test_a_language_model_on_the_recorded_gpu_writes_as_on_the_cpu(tour):
    assert tour.fused_texts == tour.plain_texts
    assert all(tour.plain_texts)


def test_memory_tells_the_gpus_where_it_is_larger(tour):
    assert tour.memory["rssBytes"] == tour.memory["peakBytes"] == 1 << 50
    assert tour.memory["mlxActiveBytes"] == 1 << 50
