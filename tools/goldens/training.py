"""Gradients of one batch and three optimiser steps under each policy of what may move."""

import math

import torch

from goldens.minimind import forward, loss_of

POLICIES = {"v2": ["pretrain", "sft"], "v3": ["freeze_llm_0", "freeze_llm_1", "freeze_llm_2"]}


def learning_rate(version, step, total, peak):
    """Cosine to a tenth; v2 counts steps from 0 and starts at 1.1 times the peak, v3 counts from 1."""
    cosine = 1 + math.cos(math.pi * step / total)
    return peak / 10 + 0.5 * peak * cosine if version == "v2" else peak * (0.1 + 0.45 * cosine)


def trains(config, policy, name):
    if policy in ("sft", "freeze_llm_0") or name.startswith("vision_proj."):
        return True
    ends = (f"model.layers.{i}." for i in (0, config.layers - 1))
    return policy == "freeze_llm_1" and name.startswith(tuple(ends))


def parameters_of(weights, tied):
    """Leaf copies, aliases of tied tensors left out."""
    aliases = {alias for _, alias in tied}
    return {name: value.clone() for name, value in weights.items() if name not in aliases}


def objective(config, parameters, tied, batch):
    """Loss, auxiliary loss and the forward pass, in training mode."""
    weights = {**parameters, **{alias: parameters[name] for name, alias in tied}}
    output = forward(config, weights, batch, train=True)
    loss = loss_of(config, output.logits, batch)
    total = loss + output.aux
    # Unused parts still get a zero gradient, so that weight decay moves them: experts always, the projector in v3.
    for name, value in parameters.items():
        if ".experts." in name or (config.version == "v3" and name.startswith("vision_proj.")):
            total = total + 0 * value.sum()
    return total, loss, output


def gradients(config, weights, tied, batch):
    """Gradient by name (None where there is none) of loss + auxiliary loss; nothing frozen or clipped."""
    parameters = {name: value.requires_grad_() for name, value in parameters_of(weights, tied).items()}
    total, loss, output = objective(config, parameters, tied, batch)
    total.backward()
    grads = {name: value.grad for name, value in parameters.items()}
    return grads, {
        "loss_plus_aux": total.item(),
        "aux_loss": output.aux.item(),
        "grad_is_none": [name for name, grad in grads.items() if grad is None],
        "grad_is_all_zero": [name for name, grad in grads.items() if grad is not None and not grad.any()],
    }


def train(config, weights, tied, batches, policy, lr, total_steps):
    """One AdamW step per batch (defaults, gradient norm clipped at 1); returns what moved and a log."""
    parameters = parameters_of(weights, tied)
    moving = {name: value.requires_grad_() for name, value in parameters.items() if trains(config, policy, name)}
    optimiser = torch.optim.AdamW(moving.values(), lr)
    log = {"loss_plus_aux": [], "lr": [], "grad_norm_before_clip": []}
    gap = math.inf
    for i, batch in enumerate(batches):
        rate = learning_rate(config.version, i + (config.version == "v3"), total_steps, lr)
        for group in optimiser.param_groups:
            group["lr"] = rate
        total, _, output = objective(config, parameters, tied, batch)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(moving.values(), 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        log["loss_plus_aux"].append(total.item())
        log["lr"].append(rate)
        log["grad_norm_before_clip"].append(norm.item())
        gap = min(gap, output.routing_gap)
    log["trainable"] = list(moving)
    log["frozen_unchanged"] = [name for name in parameters if name not in moving]
    log["routing_gap_min"] = gap if config.experts else None
    return moving, log
