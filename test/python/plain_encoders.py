"""ModernBERT and Qwen3-Embedding number by number, in double precision, as their architectures define them.

Slow and only as long as a test needs; shares nothing with the code under test.
"""

import math


def dot(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


def add(one, other):
    return [a + b for a, b in zip(one, other, strict=True)]


def unit(vector):
    size = math.sqrt(dot(vector, vector))
    return [a / size for a in vector]


class Weights:
    """Layers by name over tensors."""

    def __init__(self, tensors, epsilon):
        self.tensors, self.epsilon = tensors, epsilon

    def linear(self, token, name):
        made = [dot(row, token) for row in self.tensors[f"{name}.weight"]]
        return add(made, self.tensors[f"{name}.bias"]) if f"{name}.bias" in self.tensors else made

    def layer_norm(self, token, name):
        mean = sum(token) / len(token)
        spread = math.sqrt(sum((a - mean) ** 2 for a in token) / len(token) + self.epsilon)
        made = [(a - mean) / spread * by for a, by in zip(token, self.tensors[f"{name}.weight"], strict=True)]
        return add(made, self.tensors[f"{name}.bias"]) if f"{name}.bias" in self.tensors else made

    def rms_norm(self, token, name):
        size = math.sqrt(dot(token, token) / len(token) + self.epsilon)
        return [a / size * by for a, by in zip(token, self.tensors[f"{name}.weight"], strict=True)]


def turned(head, place, base):
    """A head with rotary places: number i and number i + half are turned together."""
    half = len(head) // 2
    made = list(head)
    for index in range(half):
        angle = place / base ** (2 * index / len(head))
        one, other = head[index], head[index + half]
        made[index] = one * math.cos(angle) - other * math.sin(angle)
        made[index + half] = other * math.cos(angle) + one * math.sin(angle)
    return made


def attended(query, keys, values, seen):
    """The mean of those values whose places `seen` names."""
    scores = [math.exp(dot(query, keys[place]) / math.sqrt(len(query))) for place in seen]
    return [
        sum(score * values[place][column] for score, place in zip(scores, seen, strict=True)) / sum(scores)
        for column in range(len(query))
    ]


def heads_of(token, width):
    return [token[start : start + width] for start in range(0, len(token), width)]


def plain_modern_bert(config, tensors, ids, pooling="mean", dimensions=None):
    weights = Weights(tensors, config["norm_eps"])
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    reach = config["local_attention"] // 2
    x = [
        weights.layer_norm(tensors["embeddings.tok_embeddings.weight"][token], "embeddings.norm")
        for token in ids
    ]
    for index in range(config["num_hidden_layers"]):
        at = f"layers.{index}."
        everywhere = index % config["global_attn_every_n_layers"] == 0
        base = config["global_rope_theta" if everywhere else "local_rope_theta"]
        joined = [
            weights.linear(weights.layer_norm(token, f"{at}attn_norm") if index else token, f"{at}attn.Wqkv")
            for token in x
        ]
        queries, keys = (
            [
                [
                    turned(head, place, base)
                    for head in heads_of(token[start : start + hidden], hidden // heads)
                ]
                for place, token in enumerate(joined)
            ]
            for start in (0, hidden)
        )
        values = [heads_of(token[2 * hidden :], hidden // heads) for token in joined]
        for place in range(len(ids)):
            seen = [other for other in range(len(ids)) if everywhere or abs(other - place) <= reach]
            mixed = []
            for head in range(heads):
                of_head = [[token[head] for token in table] for table in (keys, values)]
                mixed += attended(queries[place][head], *of_head, seen)
            x[place] = add(x[place], weights.linear(mixed, f"{at}attn.Wo"))
        for place, token in enumerate(x):
            wide = weights.linear(weights.layer_norm(token, f"{at}mlp_norm"), f"{at}mlp.Wi")
            half = len(wide) // 2
            gated = [
                a * 0.5 * (1 + math.erf(a / math.sqrt(2))) * gate
                for a, gate in zip(wide[:half], wide[half:], strict=True)
            ]
            x[place] = add(token, weights.linear(gated, f"{at}mlp.Wo"))
    x = [weights.layer_norm(token, "final_norm") for token in x]
    vector = x[0] if pooling == "cls" else [sum(column) / len(x) for column in zip(*x, strict=True)]
    return unit(vector[:dimensions])


def plain_qwen3(config, tensors, ids, dimensions=None):
    weights = Weights(tensors, config["rms_norm_eps"])
    heads, sharing = config["num_attention_heads"], config["num_key_value_heads"]
    width, base = config["head_dim"], config["rope_theta"]
    x = [tensors["embed_tokens.weight"][token] for token in ids]
    for index in range(config["num_hidden_layers"]):
        at = f"layers.{index}."
        normed = [weights.rms_norm(token, f"{at}input_layernorm") for token in x]
        queries, keys = (
            [
                [
                    turned(weights.rms_norm(head, f"{at}self_attn.{short}_norm"), place, base)
                    for head in heads_of(weights.linear(token, f"{at}self_attn.{short}_proj"), width)
                ]
                for place, token in enumerate(normed)
            ]
            for short in ("q", "k")
        )
        values = [heads_of(weights.linear(token, f"{at}self_attn.v_proj"), width) for token in normed]
        for place in range(len(ids)):
            mixed = []
            for head in range(heads):
                of_head = [[token[head * sharing // heads] for token in table] for table in (keys, values)]
                mixed += attended(queries[place][head], *of_head, range(place + 1))
            x[place] = add(x[place], weights.linear(mixed, f"{at}self_attn.o_proj"))
        for place, token in enumerate(x):
            token = weights.rms_norm(token, f"{at}post_attention_layernorm")
            gated = [
                a / (1 + math.exp(-a)) * up
                for a, up in zip(
                    weights.linear(token, f"{at}mlp.gate_proj"),
                    weights.linear(token, f"{at}mlp.up_proj"),
                    strict=True,
                )
            ]
            x[place] = add(x[place], weights.linear(gated, f"{at}mlp.down_proj"))
    return unit(weights.rms_norm(x[-1], "norm")[:dimensions])
