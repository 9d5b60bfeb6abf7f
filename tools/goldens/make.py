"""Writes the committed cases."""

import math

import numpy
import torch

from goldens.generation import SETTINGS, greedy, sampled
from goldens.inputs import Inputs
from goldens.minimind import Config, forward, loss_of, rope_table
from goldens.numbers import floats, manifest, save_json, save_tensors, sha256, weights_of
from goldens.shapes import decoder_shapes, spread
from goldens.sizes import CASES, SMALL, TOWERS, VARIANTS, YARN
from goldens.training import POLICIES, gradients, train
from goldens.vision import tower, tower_shapes

MADE_WITH = {"torch": torch.__version__, "numpy": numpy.__version__}


class Unsafe(Exception):
    """A decision of this seed is too close to call in float32."""


def require(value, least):
    if value is not None and value < least:
        raise Unsafe(f"{value} < {least}")


def safely(build):
    """The first seed whose every decision is clear."""
    for seed in range(1, 2000):
        try:
            return build(seed)
        except Unsafe:
            continue
    raise RuntimeError("no safe seed")


def routing(config, value):
    if config.experts:
        require(value, 2e-5)


def make_decoder(path, name, config_json, input_names, policies, seed):
    config = Config.of({"config": config_json})
    tied = [("model.embed_tokens.weight", "lm_head.weight")] if config_json.get("tie_word_embeddings", True) else []
    case = {"case": name, "set": "fixtures", "made_with": MADE_WITH, "config": config_json}
    case["weights"] = manifest(seed * 1000 + len(name), decoder_shapes(config_json), spread, tied)
    w, inputs = weights_of(case["weights"]), Inputs(config, config_json, seed * 1000 + 500)
    batches, expected, files, gap = inputs.all(input_names), {}, {}, math.inf
    case["inputs"] = {}
    for each, batch in batches.items():
        with torch.no_grad():
            output, training = forward(config, w, batch), forward(config, w, batch, train=True)
        gap = min(gap, output.routing_gap)
        expected |= {f"{each}.hidden.{stage}": value for stage, value in output.hidden.items()}
        expected[f"{each}.logits"] = output.logits
        lists = {key: value.tolist() for key, value in batch.items() if key != "features"}
        shape = list(batch["features"].shape) if "features" in batch else None
        rows, length = batch["input_ids"].shape
        entry = {"batch": rows, "length": length, **lists, "features": shape}
        entry["loss"] = loss_of(config, output.logits, batch).item()
        entry |= {"aux_loss_eval": output.aux.item(), "aux_loss_train": training.aux.item()}
        if config.experts:
            expected[f"{each}.logits_train"] = training.logits
            entry["loss_train"] = loss_of(config, training.logits, batch).item()
        case["inputs"][each] = entry
    routing(config, gap)
    grads, summary = gradients(config, w, tied, batches["img1"])
    case["gradients"] = {"img1": summary}
    stored = {f"grad.img1.{key}": value for key, value in grads.items() if value is not None}
    files["inputs"] = {f"{each}.{key}": value for each, batch in batches.items() for key, value in batch.items()}
    files["expected"] = expected
    if policies is None:
        expected |= stored
    else:
        files |= {"weights": w, "grads": stored}
        summary = gradients(config, w, tied, batches["img0"])[1]
        case["gradients"]["img0"] = summary | {"note": "which parameters have no gradient, or one of zeros"}
        case["generation"], files["generation"], found = make_generation(config, w, inputs)
        gap = min(gap, found)
        if config.version == "v3":
            ids = inputs.row(4, "image", "image", 6)
            case["adjacent_runs"] = {"input_ids": [ids], "raises": "RuntimeError"}
            case["adjacent_runs"]["message"] = "two images without a separator read as one run that is too long"
        case["training"], files["train"], added = make_training(config, w, tied, inputs, policies)
        files["inputs"] |= added
    if config.experts:
        case["routing_gap_min"] = gap
    write(path / name, case, files)


def make_generation(config, w, inputs):
    prompt, features = inputs.row(3, "image", 5), inputs.images(1, 1)
    with torch.no_grad():
        ids, logits, plain_gap, found = greedy(config, w, prompt, features, 16)
        if len(set(ids)) < 6:
            raise Unsafe("a dull answer")
        penalised, _, penalty_gap, other = greedy(config, w, prompt, features, 12, penalty=1.3)
        require(min(plain_gap, penalty_gap), 5e-3)
        gap = min(found, other)
        entry = {"prompt_ids": prompt}
        entry["greedy"] = {"max_new_tokens": 16, "new_ids": ids, "min_top1_top2_gap": plain_gap}
        entry["greedy_repetition_penalty"] = {"repetition_penalty": 1.3, "max_new_tokens": 12, "new_ids": penalised}
        entry["greedy_repetition_penalty"]["min_top1_top2_gap"] = penalty_gap
        stop = next((i for i in range(3, len(ids)) if ids[i] not in ids[:i]), None)
        if stop is None:
            raise Unsafe("no id to stop at")
        entry["greedy_eos"] = {"eos_token_id": ids[stop], "max_new_tokens": 16, "new_ids": ids[: stop + 1]}
        entry["sampling"], tensors = {}, {"gen.features": features, "gen.greedy.step_logits": logits}
        for key, setting in SETTINGS.items():
            entry["sampling"][key], tensors[f"gen.sample.{key}.probs"], other = sampled(
                config, w, prompt, features, setting
            )
            gap = min(gap, other)
            require(entry["sampling"][key]["min_nucleus_edge"], 1e-4)
            require(entry["sampling"][key]["min_topk_edge"], 1e-4)
            require(entry["sampling"][key]["min_top1_top2_prob_gap"], 1e-3)
    routing(config, gap)
    return entry, tensors, gap


def make_training(config, w, tied, inputs, policies):
    batches = [inputs.batch([inputs.row(4, "image", 7), inputs.row(5, "image", 6)], 1) for _ in range(3)]
    entry = {"lr": 2e-3, "epochs": 2, "iters": 3}
    entry["optimizer"] = "torch.optim.AdamW(lr) betas (0.9,0.999) eps 1e-8 weight_decay 0.01"
    entry |= {"grad_clip": 1.0, "policies": {}}
    tensors = {}
    for policy in (each for each in POLICIES[config.version] if each in policies):
        moved, log = train(config, w, tied, batches, policy, entry["lr"], entry["epochs"] * entry["iters"])
        require(log["routing_gap_min"], 2e-5)
        entry["policies"][policy] = log
        tensors |= {f"after3.{policy}.{key}": value for key, value in moved.items()}
    return entry, tensors, {f"train.{i}.{key}": value for i, batch in enumerate(batches) for key, value in batch.items()}


def make_tower(path, name, config):
    clip, size = config["hidden_act"] == "quick_gelu", config["image_size"]
    case = {"case": name.split("/")[1], "set": "fixtures", "made_with": MADE_WITH, "config": config}
    case["weights"] = manifest(4001 + clip, tower_shapes(config), spread)
    pixels = {"generator_seed": 4101 + clip, "a": 2.0 if clip else 1.0, "shape": [2, 3, size, size]}
    values = floats(pixels["generator_seed"], pixels["shape"], pixels["a"])
    case["pixel_values"] = {**pixels, "sha256_f32le": sha256(values)}
    w = weights_of(case["weights"])
    output = tower(config, w, values)
    expected = {"pixel_values": values, "last_hidden_state" + ("_no_cls" if clip else ""): output["last"]}
    for i, hidden in enumerate(output["hidden"]):
        expected[("hidden.pre_layrnorm" if i == 0 else f"hidden.layer.{i - 1}") if clip else f"hidden.{i}"] = hidden
    if clip:
        expected |= {"cls_before_post_layernorm": output["cls"], "image_embeds": output["image_embeds"]}
        positions = torch.arange(w["vision_model.embeddings.position_embedding.weight"].shape[0])[None]
        w |= {"vision_model.embeddings.position_ids": positions, "logit_scale": torch.tensor(2.6592)}
        w |= {"text_model.final_layer_norm.weight": torch.ones(4)}  # three tensors a vision tower does not use
    write(path / name, case, {"weights": w, "expected": expected})


def make_rope(path):
    positions = [0, 1, 2, 5, 13, 101, 1023, 2047, 2048, 9001, 32767]
    own = {**YARN, "factor": 6, "original_max_position_embeddings": 1024, "attention_factor": 1.5}
    plain = {"end": 32768, "rope_base": 1e6, "rope_scaling": None}
    tables = {
        "plain": plain,
        "yarn": {**plain, "rope_scaling": YARN},
        "yarn_end2048": {**plain, "end": 2048, "rope_scaling": YARN},
        "yarn_af": {"end": 32768, "rope_base": 5e4, "rope_scaling": own},
    }
    for version in ("v2", "v3"):
        info, tensors = {"version": version, "set": "fixtures", "positions": positions, "tables": {}}, {}
        for name, args in tables.items() if version == "v3" else [("plain", plain)]:
            for dim in (6, 22):
                args = {"end": 32768, "theta": 1e6} if version == "v2" else args
                theta = args.get("theta") or args["rope_base"]
                cos, sin = rope_table(dim, args["end"], theta, args.get("rope_scaling"))
                rows = [each for each in positions if each < args["end"]]
                info["tables"][f"{name}.d{dim}"] = {"dim": dim, "args": args, "rows": rows}
                tensors |= {f"{name}.d{dim}.cos": cos[rows], f"{name}.d{dim}.sin": sin[rows]}
        path.mkdir(parents=True, exist_ok=True)
        save_json(path / f"{version}.json", info)
        save_tensors(path / f"{version}.safetensors", tensors)


def write(path, case, files):
    path.mkdir(parents=True, exist_ok=True)
    save_json(path / "case.json", case)
    for name, tensors in files.items():
        save_tensors(path / f"{name}.safetensors", tensors)


def make(path):
    for name, (config, inputs, policies) in CASES.items():
        safely(lambda seed: make_decoder(path, name, config, inputs, policies, seed))
    for name, config in VARIANTS.items():
        safely(lambda seed: make_decoder(path / "variants", name, config, SMALL, None, seed))
    for name, config in TOWERS.items():
        make_tower(path, name, config)
    make_rope(path / "rope")
