"""The vision towers in PyTorch: CLIP (Radford et al. 2021) and SigLIP (Zhai et al. 2023)."""

import math

import torch
import torch.nn.functional as F


def tower(config, w, pixels):
    """pixels [B,3,S,S] to the hidden states by name; `last` is what the family calls last_hidden_state."""
    clip = config["hidden_act"] == "quick_gelu"
    heads, eps = config["num_attention_heads"], config["layer_norm_eps"]
    p = "vision_model."

    def norm(x, name):
        return F.layer_norm(x, x.shape[-1:], w[p + name + ".weight"], w[p + name + ".bias"], eps)

    def linear(x, name):
        return F.linear(x, w[p + name + ".weight"], w[p + name + ".bias"])

    def activate(x):
        return x * torch.sigmoid(1.702 * x) if clip else F.gelu(x, approximate="tanh")

    def attend(x, name):
        b, n, d = x.shape
        q, k, v = (linear(x, f"{name}.{each}_proj").view(b, n, heads, d // heads).transpose(1, 2) for each in "qkv")
        scores = (q @ k.transpose(-1, -2) / math.sqrt(d // heads)).softmax(-1)
        return linear((scores @ v).transpose(1, 2).reshape(b, n, d), f"{name}.out_proj")

    embed = p + "embeddings.patch_embedding."
    x = F.conv2d(pixels, w[embed + "weight"], w.get(embed + "bias"), stride=config["patch_size"])
    x = x.flatten(2).transpose(1, 2)  # [B,N,D]
    if clip:
        x = torch.cat((w[p + "embeddings.class_embedding"].expand(len(x), 1, -1), x), 1)
    x = x + w[p + "embeddings.position_embedding.weight"]
    if clip:
        x = norm(x, "pre_layrnorm")
    hidden = [x]
    for i in range(config["num_hidden_layers"]):
        layer = f"encoder.layers.{i}."
        x = x + attend(norm(x, layer + "layer_norm1"), layer + "self_attn")
        x = x + linear(activate(linear(norm(x, layer + "layer_norm2"), layer + "mlp.fc1")), layer + "mlp.fc2")
        hidden.append(x)
    if not clip:
        return {"last": norm(x, "post_layernorm"), "hidden": hidden}
    embeds = F.linear(norm(x[:, 0], "post_layernorm"), w["visual_projection.weight"])
    return {"last": x[:, 1:], "cls": x[:, 0], "image_embeds": embeds, "hidden": hidden}


def tower_shapes(config):
    """Names and shapes of a tower's tensors, in the order its numbers are drawn."""
    clip = config["hidden_act"] == "quick_gelu"
    d, f, patch = config["hidden_size"], config["intermediate_size"], config["patch_size"]
    tokens = (config["image_size"] // patch) ** 2
    e = "vision_model.embeddings."
    shapes = {e + "class_embedding": [d]} if clip else {}
    shapes[e + "patch_embedding.weight"] = [d, 3, patch, patch]
    if not clip:
        shapes[e + "patch_embedding.bias"] = [d]
    shapes[e + "position_embedding.weight"] = [tokens + clip, d]

    def pair(name, shape):
        shapes[name + ".weight"], shapes[name + ".bias"] = shape, shape[:1]

    if clip:
        pair("vision_model.pre_layrnorm", [d])
    for i in range(config["num_hidden_layers"]):
        layer = f"vision_model.encoder.layers.{i}."
        for each in ("k_proj", "v_proj", "q_proj", "out_proj"):
            pair(layer + "self_attn." + each, [d, d])
        pair(layer + "layer_norm1", [d])
        pair(layer + "mlp.fc1", [f, d])
        pair(layer + "mlp.fc2", [d, f])
        pair(layer + "layer_norm2", [d])
    pair("vision_model.post_layernorm", [d])
    if clip:
        shapes["visual_projection.weight"] = [config["projection_dim"], d]
    return shapes
