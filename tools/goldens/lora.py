"""LoRA (Hu et al. 2021) beside the linear layers of a case: forward, gradients and three optimiser steps."""

import math

import torch

from goldens.minimind import Adapted, Config, forward, loss_of
from goldens.numbers import floats, load_json, load_tensors, save_tensors, weights_of

ADAPTERS = {"v2-moe": (3, 6.0), "v3-dense": (2, 2.0)}  # rank and alpha by case
LEARNING_RATE = 2e-3
STEPS = 3


def layers_of(w):
    """Every linear layer but the head and the routed experts, with its sizes [out, in]."""
    others = ("model.embed_tokens", "lm_head")
    return {
        name.removesuffix(".weight"): value.shape
        for name, value in w.items()
        if value.ndim == 2 and not name.startswith(others) and ".experts." not in name
    }


def draw(w, rank, seed):
    """An adapter that is well in training: neither matrix is zero."""
    adapter = {}
    for i, (layer, (out, width)) in enumerate(layers_of(w).items()):
        adapter[f"{layer}.lora.A.weight"] = floats(seed * 1000 + 2 * i, [rank, width], math.sqrt(3 / width))
        adapter[f"{layer}.lora.B.weight"] = floats(seed * 1000 + 2 * i + 1, [out, rank], 0.4)
    return adapter


def run(config, w, batch, adapter, scale):
    """Logits and loss + auxiliary loss of the adapted model, in training mode; and how close its routers were."""
    layers = [name.removesuffix(".lora.A.weight") for name in adapter if name.endswith(".lora.A.weight")]
    beside = {
        f"{layer}.weight": Adapted(
            w[f"{layer}.weight"], adapter[f"{layer}.lora.A.weight"], adapter[f"{layer}.lora.B.weight"], scale
        )
        for layer in layers
    }
    output = forward(config, {**w, **beside}, batch, train=True)
    return output.logits, loss_of(config, output.logits, batch) + output.aux, output.routing_gap


def learn(config, w, batch, adapter, scale):
    """What the adapted model gives, its gradients, and A and B after three AdamW steps clipped at 1."""
    moving = {name: value.clone().requires_grad_() for name, value in adapter.items()}
    optimiser = torch.optim.AdamW(moving.values(), LEARNING_RATE)
    expected, losses, closest = {}, [], math.inf
    for step in range(STEPS):
        logits, total, gap = run(config, w, batch, moving, scale)
        total.backward()
        if step == 0:
            expected["logits"] = logits
            expected |= {f"grad.{name}": value.grad.clone() for name, value in moving.items()}
        torch.nn.utils.clip_grad_norm_(moving.values(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        losses.append(total.item())
        closest = min(closest, gap)
    expected |= {f"after{STEPS}.{name}": value for name, value in moving.items()}
    return expected | {"loss_plus_aux": torch.tensor(losses)}, closest


def read_case(path):
    case, inputs = load_json(path / "case.json"), load_tensors(path / "inputs.safetensors")
    batch = {name.removeprefix("img1."): value for name, value in inputs.items() if name.startswith("img1.")}
    return Config.of(case), weights_of(case["weights"]), batch


def make_adapters(path):
    """Writes `adapter.safetensors` and `lora.safetensors` beside the cases that are there."""
    for name, (rank, alpha) in ADAPTERS.items():
        config, w, batch = read_case(path / name)
        for seed in range(1, 200):
            adapter = draw(w, rank, seed)
            expected, gap = learn(config, w, batch, adapter, alpha / rank)
            if gap > 2e-5:  # every router's decision is clear
                break
        metadata = {"format": "pt", "minimind_lora": "1", "rank": str(rank), "alpha": str(alpha)}
        save_tensors(path / name / "adapter.safetensors", adapter, metadata)
        save_tensors(path / name / "lora.safetensors", expected)


def check_adapter(report, path, name):
    """Compares a case's adapter with what this statement computes from the files."""
    rank, alpha = ADAPTERS[name]
    config, w, batch = read_case(path)
    ours, _ = learn(config, w, batch, load_tensors(path / "adapter.safetensors"), alpha / rank)
    theirs = load_tensors(path / "lora.safetensors")
    report.equal(name, "adapter tensors", sorted(ours), sorted(theirs))
    report.compare(name, "adapted logits", ours["logits"], theirs["logits"], 2e-4)
    report.compare(name, "adapted losses", ours["loss_plus_aux"], theirs["loss_plus_aux"], 5e-5)
    for key, value in ours.items():
        if key.startswith("grad."):
            report.compare(name, "gradients of A and B", value, theirs[key], 3e-5)
    moved = [key for key in ours if key.startswith("after")]
    difference = torch.cat([(ours[key].detach() - theirs[key]).flatten() for key in moved]).abs()
    report.compare(name, "A and B after 3 steps, rms", difference.pow(2).mean().sqrt(), 0.0, 5e-6)
