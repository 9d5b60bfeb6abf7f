"""MiniMind-V of both generations in PyTorch: ids and image features to hidden states, logits and losses.

Stated from the published architecture as plain functions over a dict of tensors. Shapes: B batch, T tokens, D width,
H heads, G key/value heads, C head width, V vocabulary, E experts, k experts per token, N image tokens.
"""

import math
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F


@dataclass
class Config:
    """What the model code needs to know, whichever generation a case comes from."""

    version: str
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    eps: float
    theta: float
    positions: int
    image_tokens: int
    marker: int
    scaling: dict | None = None
    experts: int = 0
    top_k: int = 0
    shared: int = 0
    normalise: bool = False
    aux_factor: float = 0.0
    aux_per_row: bool = False

    @staticmethod
    def of(case):
        """Reads a case's `config` (and `prompt`, where the config is silent about images)."""
        c, prompt = case["config"], case.get("prompt", {})
        version = case.get("version") or ("v3" if "head_dim" in c else "v2")
        config = Config(
            version=version,
            width=c["hidden_size"],
            layers=c["num_hidden_layers"],
            heads=c["num_attention_heads"],
            kv_heads=c["num_key_value_heads"],
            head_width=c.get("head_dim", c["hidden_size"] // c["num_attention_heads"]),
            eps=c["rms_norm_eps"],
            theta=c["rope_theta"],
            positions=c.get("max_position_embeddings", 32768),
            image_tokens=prompt.get("image_tokens") or c.get("image_token_len") or len(c["image_ids"]),
            marker=prompt.get("marker") or c["image_ids"][0],
            scaling=c["rope_scaling"] if c.get("inference_rope_scaling") else None,
        )
        if c.get("use_moe"):
            v2 = version == "v2"
            config.experts = c["n_routed_experts" if v2 else "num_experts"]
            config.top_k = c["num_experts_per_tok"]
            config.shared = c["n_shared_experts"] if v2 else 0
            config.normalise = c["norm_topk_prob"] and (config.top_k > 1 or not v2)
            config.aux_factor = c["aux_loss_alpha" if v2 else "router_aux_loss_coef"]
            config.aux_per_row = v2 and c["seq_aux"]
        return config


@dataclass
class Output:
    """What one forward pass leaves behind."""

    hidden: dict = field(default_factory=dict)
    logits: torch.Tensor | None = None
    aux: torch.Tensor | None = None
    routing_gap: float = math.inf


def rope_table(width, positions, theta, scaling=None):
    """cos and sin [positions, width]; `scaling` is YaRN's (Peng et al. 2023)."""
    frequency = 1.0 / (theta ** (torch.arange(0, width, 2).float() / width))  # [C/2]
    factor = 1.0
    if scaling is not None:
        original, factor = scaling["original_max_position_embeddings"], scaling["attention_factor"]
        if positions / original > 1.0:

            def dimension(rotations):
                return width * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(theta))

            low = max(math.floor(dimension(scaling["beta_fast"])), 0)
            high = min(math.ceil(dimension(scaling["beta_slow"])), width // 2 - 1)
            ramp = ((torch.arange(width // 2).float() - low) / max(high - low, 0.001)).clamp(0, 1)
            frequency = frequency * (1 - ramp + ramp / scaling["factor"])
    angle = torch.outer(torch.arange(positions), frequency).float().repeat(1, 2)
    return angle.cos() * factor, angle.sin() * factor


@dataclass
class Adapted:
    """A linear layer's weight [out, in] with a narrow path beside it, A [rank, in] and B [out, rank] (Hu et al. 2021)."""

    weight: torch.Tensor
    a: torch.Tensor
    b: torch.Tensor
    scale: float


def linear(x, weight, bias=None):
    if not isinstance(weight, Adapted):
        return F.linear(x, weight, bias)
    return F.linear(x, weight.weight, bias) + weight.scale * F.linear(F.linear(x, weight.a), weight.b)


def rms_norm(x, weight, eps):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def rotate(x, cos, sin):
    """x [B,T,H,C] turned by its position; first and second half of C make the pairs."""
    first, second = x.chunk(2, -1)
    return x * cos[:, None] + torch.cat((-second, first), -1) * sin[:, None]


def attention(config, w, x, rope, keep):
    b, t, _ = x.shape
    q = linear(x, w["q_proj.weight"]).view(b, t, config.heads, config.head_width)
    k = linear(x, w["k_proj.weight"]).view(b, t, config.kv_heads, config.head_width)
    v = linear(x, w["v_proj.weight"]).view(b, t, config.kv_heads, config.head_width)
    if "q_norm.weight" in w:
        q, k = rms_norm(q, w["q_norm.weight"], config.eps), rms_norm(k, w["k_norm.weight"], config.eps)
    q, k = (rotate(each, *rope).transpose(1, 2) for each in (q, k))
    k, v = (each.repeat_interleave(config.heads // config.kv_heads, 1) for each in (k, v.transpose(1, 2)))
    scores = q @ k.transpose(-1, -2) / math.sqrt(config.head_width)  # [B,H,T,T]
    scores = scores + torch.full((t, t), -math.inf).triu(1)
    if keep is not None:
        scores = scores + (1.0 - keep[:, None, None, :].float()) * -1e9
    y = (scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, -1)
    return linear(y, w["o_proj.weight"])


def feed_forward(w, prefix, x):
    gate = F.silu(linear(x, w[prefix + "gate_proj.weight"]))
    return linear(gate * linear(x, w[prefix + "up_proj.weight"]), w[prefix + "down_proj.weight"])


def balance_loss(config, scores, expert):
    """Load balance of scores [B,T,E], expert [B,T,k] (Shazeer et al. 2017; per row: DeepSeek-AI 2024)."""
    chosen = F.one_hot(expert, config.experts).float()  # [B,T,k,E]
    if config.version == "v3":
        load, mean = chosen.mean((0, 1)), scores.mean((0, 1))
        return (load * mean).sum() * config.experts * config.aux_factor
    over = 1 if config.aux_per_row else (0, 1)
    load = chosen.mean(2).mean(over) * config.experts
    return (load * scores.mean(over)).sum(-1).mean() * config.aux_factor


def mixture(config, w, x, train, output):
    rows = x.reshape(-1, config.width)  # [M,D]
    scores = linear(rows, w["mlp.gate.weight"]).softmax(-1)
    ranked = scores.detach().sort(-1, descending=True).values
    if config.top_k < config.experts:
        gap = (ranked[:, config.top_k - 1] - ranked[:, config.top_k]).min().item()
        output.routing_gap = min(output.routing_gap, gap)
    weight, expert = scores.topk(config.top_k, -1)
    if config.normalise:
        weight = weight / (weight.sum(-1, keepdim=True) + 1e-20)
    y = torch.zeros_like(rows)
    for e in range(config.experts):
        row, slot = (expert == e).nonzero(as_tuple=True)
        y = y.index_add(0, row, feed_forward(w, f"mlp.experts.{e}.", rows[row]) * weight[row, slot, None])
    for e in range(config.shared):
        y = y + feed_forward(w, f"mlp.shared_experts.{e}.", rows)
    if train:
        b, t = x.shape[:2]
        output.aux = output.aux + balance_loss(config, scores.view(b, t, -1), expert.view(b, t, -1))
    return y.view_as(x)


def project(config, w, features):
    """features [B,N,tokens,width of the encoder] to the decoder's width."""
    if config.version == "v2":
        return linear(features, w["vision_proj.vision_proj.0.weight"], w["vision_proj.vision_proj.0.bias"])
    p = "vision_proj.mlp."
    x = F.layer_norm(features, features.shape[-1:], w[p + "0.weight"], w[p + "0.bias"])
    x = F.gelu(linear(x, w[p + "1.weight"], w[p + "1.bias"]))
    return linear(x, w[p + "3.weight"], w[p + "3.bias"])


def places(config, row):
    """(start, length) of the markers of one row of ids that take an image, in the order images are used."""
    is_marker = [i == config.marker for i in row]
    if config.version == "v2":  # every window of exactly `image_tokens` markers, overlapping ones too
        n = config.image_tokens
        return [(s, n) for s in range(len(row) - n + 1) if all(is_marker[s : s + n])]
    starts = [s for s in range(len(row)) if is_marker[s] and (s == 0 or not is_marker[s - 1])]
    return [(s, next((e for e in range(s, len(row)) if not is_marker[e]), len(row)) - s) for s in starts]


def splice(config, embeddings, ids, images):
    """Puts images [B,N,tokens,D] where the markers are."""
    rows = []
    for row, row_ids, row_images in zip(embeddings, ids.tolist(), images):
        for (start, length), image in zip(places(config, row_ids), row_images):
            if length > len(image):
                raise ValueError(f"{length} markers in a row, an image has {len(image)} tokens")
            row = torch.cat((row[:start], image[:length], row[start + length :]))
        rows.append(row)
    return torch.stack(rows)


def forward(config, w, batch, train=False):
    """Runs a batch (`input_ids`, maybe `features` and `attention_mask`)."""
    output = Output(aux=torch.zeros(()))
    ids, features, keep = batch["input_ids"].long(), batch.get("features"), batch.get("attention_mask")
    x = F.embedding(ids, w["model.embed_tokens.weight"])  # [B,T,D]
    if features is not None:
        x = splice(config, x, ids, project(config, w, features))
    output.hidden["embed"] = x
    cos, sin = rope_table(config.head_width, config.positions, config.theta, config.scaling)
    rope = cos[: ids.shape[1]], sin[: ids.shape[1]]
    for i in range(config.layers):
        prefix = f"model.layers.{i}."
        block = {name.removeprefix(prefix): value for name, value in w.items() if name.startswith(prefix)}
        own = {name.removeprefix("self_attn."): value for name, value in block.items()}
        x = x + attention(config, own, rms_norm(x, block["input_layernorm.weight"], config.eps), rope, keep)
        normed = rms_norm(x, block["post_attention_layernorm.weight"], config.eps)
        moe = config.experts > 0
        x = x + (mixture(config, block, normed, train, output) if moe else feed_forward(block, "mlp.", normed))
        output.hidden[f"block.{i}"] = x
    x = rms_norm(x, w["model.norm.weight"], config.eps)
    output.hidden["norm"] = x
    output.logits = linear(x, w["lm_head.weight"])
    return output


def loss_of(config, logits, batch):
    """Mean cross-entropy: over shifted `targets` where `loss_mask` is 1 (v2), over `labels` not -100 (v3)."""
    if config.version == "v2":
        each = F.cross_entropy(logits.flatten(0, 1), batch["targets"].long().flatten(), reduction="none")
        mask = batch["loss_mask"].flatten().float()
        return (each * mask).sum() / mask.sum()
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].long().flatten(), ignore_index=-100)
