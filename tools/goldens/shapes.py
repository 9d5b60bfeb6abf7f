"""Names, shapes and spreads of a decoder's tensors."""

import math


def decoder_shapes(c):
    """Names and shapes as checkpoints have them, a tied pair once."""
    version, d = ("v3" if "head_dim" in c else "v2"), c["hidden_size"]
    head, inner = c.get("head_dim", d // c["num_attention_heads"]), c["intermediate_size"]
    shapes = {"model.embed_tokens.weight": [c["vocab_size"], d]}

    def feed_forward(prefix):
        for name, shape in (("gate", [inner, d]), ("down", [d, inner]), ("up", [inner, d])):
            shapes[f"{prefix}{name}_proj.weight"] = shape

    for i in range(c["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        q, kv = c["num_attention_heads"] * head, c["num_key_value_heads"] * head
        for name, shape in (("q", [q, d]), ("k", [kv, d]), ("v", [kv, d]), ("o", [d, q])):
            shapes[f"{layer}self_attn.{name}_proj.weight"] = shape
        if version == "v3":
            shapes[layer + "self_attn.q_norm.weight"] = shapes[layer + "self_attn.k_norm.weight"] = [head]
        shapes[layer + "input_layernorm.weight"] = shapes[layer + "post_attention_layernorm.weight"] = [d]
        if not c["use_moe"]:
            feed_forward(layer + "mlp.")
            continue
        experts = c["n_routed_experts" if version == "v2" else "num_experts"]
        shapes[layer + "mlp.gate.weight"] = [experts, d]
        for e in range(experts):
            feed_forward(f"{layer}mlp.experts.{e}.")
        for e in range(c["n_shared_experts"] if version == "v2" else 0):
            feed_forward(f"{layer}mlp.shared_experts.{e}.")
    shapes["model.norm.weight"] = [d]
    if not c.get("tie_word_embeddings", True):
        shapes["lm_head.weight"] = [c["vocab_size"], d]
    if version == "v2":
        p, features = "vision_proj.vision_proj.0.", c["(fixture) image_hidden_size"]
        return shapes | {p + "weight": [d, features], p + "bias": [d]}
    p, features = "vision_proj.mlp.", c["image_hidden_size"]
    shapes |= {p + "0.weight": [features], p + "0.bias": [features]}
    return shapes | {p + "1.weight": [d, features], p + "1.bias": [d], p + "3.weight": [d, d], p + "3.bias": [d]}


def spread(name, shape):
    """Spread and centre of a tensor's numbers: unit gain, sharper attention and routing, lively norms."""
    gain = math.sqrt(3 / math.prod(shape[1:])) if len(shape) > 1 else 0.1
    if len(shape) == 1:
        return (0.5, 0.0) if "class_embedding" in name else (0.1, 0.0) if "bias" in name else (0.2, 1.0)
    if "embed_tokens" in name or "position_embedding" in name:
        return (0.5 if "tokens" in name else 0.3), 0.0
    sharp = 1.6 if "q_proj" in name or "k_proj" in name else 3.0 if "mlp.gate.weight" in name else 1.0
    return sharp * gain, 0.0
