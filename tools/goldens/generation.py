"""Greedy and filtered decoding, and how far each decision is from going the other way."""

import math

import torch

from goldens.minimind import forward

SETTINGS = {
    "default": {"temperature": 0.85, "top_k": 50, "top_p": 0.85, "repetition_penalty": 1.0},
    "all": {"temperature": 0.8, "top_k": 12, "top_p": 0.9, "repetition_penalty": 1.2},
    "topk": {"temperature": 1.3, "top_k": 5, "top_p": 1.0, "repetition_penalty": 1.0},
    "topp": {"temperature": 1.7, "top_k": 0, "top_p": 0.6, "repetition_penalty": 1.0},
    "tiny_topp": {"temperature": 1.0, "top_k": 0, "top_p": 0.001, "repetition_penalty": 1.0},
    "penalty": {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "repetition_penalty": 1.5},
}


def penalise(logits, seen, penalty):
    """Repetition penalty (Keskar et al. 2019) on every id in `seen`."""
    ids = torch.tensor(sorted(set(seen)))
    logits = logits.clone()
    logits[ids] = torch.where(logits[ids] > 0, logits[ids] / penalty, logits[ids] * penalty)
    return logits


def filtered(logits, seen, setting):
    """The distribution the next id is drawn from, and the distance to the nearest other choice of each filter."""
    logits = penalise(logits, seen, setting["repetition_penalty"]) / setting["temperature"]
    topk_edge = nucleus_edge = math.inf
    k = setting["top_k"]
    if 0 < k:
        ranked = logits.sort(descending=True).values
        if k < len(ranked):
            topk_edge = (ranked[k - 1] - ranked[k]).item()
        logits = logits.masked_fill(logits < ranked[k - 1], -math.inf)
    p = setting["top_p"]
    if p < 1:
        ranked, ids = logits.softmax(-1).sort(descending=True, stable=True)
        before = torch.cat((torch.zeros(1), ranked.cumsum(-1)[:-1]))  # mass of the likelier ids
        sums = before[1:][ranked[1:] > 0]
        nucleus_edge = (sums - p).abs().min().item() if len(sums) else math.inf
        logits[ids[before > p]] = -math.inf
    return logits.softmax(-1), {"nucleus": nucleus_edge, "topk": topk_edge}


def step(config, w, ids, features):
    batch = {"input_ids": torch.tensor([ids]), "features": features}
    output = forward(config, w, batch)
    return output.logits[0, -1], output.routing_gap


def top_gap(values):
    first, second = values.topk(2).values.tolist()
    return first - second


def greedy(config, w, prompt, features, steps, penalty=1.0, eos=None):
    """ids, the logits of every step, and the smallest gaps (between the two best logits; in routing)."""
    ids, logits, gap, routing = list(prompt), [], math.inf, math.inf
    for _ in range(steps):
        raw, routed = step(config, w, ids, features)
        scores = penalise(raw, ids, penalty)
        logits.append(raw)
        ids.append(scores.argmax().item())
        gap, routing = min(gap, top_gap(scores)), min(routing, routed)
        if ids[-1] == eos:
            break
    return ids[len(prompt) :], torch.stack(logits), gap, routing


def sampled(config, w, prompt, features, setting, steps=6):
    """The filtered distribution of every step, each next id being the likeliest."""
    ids, probabilities, edges, routing = list(prompt), [], [], math.inf
    for _ in range(steps):
        raw, routed = step(config, w, ids, features)
        probability, edge = filtered(raw, ids, setting)
        probabilities.append(probability)
        edges.append({**edge, "top": top_gap(probability)})
        ids.append(probability.argmax().item())
        routing = min(routing, routed)

    def least(name):
        value = min(edge[name] for edge in edges)
        return value if math.isfinite(value) else None

    entry = {
        **setting,
        "argmax_ids": ids[len(prompt) :],
        "kept": [int((each > 0).sum()) for each in probabilities],
        "min_nucleus_edge": least("nucleus"),
        "min_topk_edge": least("topk"),
        "min_top1_top2_prob_gap": least("top"),
    }
    return entry, torch.stack(probabilities), routing
