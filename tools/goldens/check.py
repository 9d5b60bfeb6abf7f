"""Runs this statement of the models against a folder of cases and compares every number."""

import os
from pathlib import Path

import torch

from goldens.generation import greedy, sampled
from goldens.lora import check_adapter
from goldens.minimind import Config, forward, loss_of, rope_table
from goldens.numbers import floats, load_json, load_tensors, sha256, weights_of, Stream
from goldens.training import gradients, train
from goldens.vision import tower


class Report:
    """Collects (case, stage, difference, tolerance) and prints them."""

    def __init__(self):
        self.rows = []

    def compare(self, case, stage, ours, theirs, tolerance):
        ours, theirs = (torch.as_tensor(each, dtype=torch.float64) for each in (ours, theirs))
        same = ours.shape == theirs.shape
        worst = (ours.detach() - theirs).abs().max().item() if same and ours.numel() else (0.0 if same else float("inf"))
        self.rows.append((case, stage, worst, tolerance))

    def equal(self, case, stage, ours, theirs):
        self.rows.append((case, stage, 0.0 if ours == theirs else float("inf"), 0.0))

    def finish(self):
        """Prints the worst of each stage of each case; returns whether all held."""
        worst = {}
        for case, stage, difference, tolerance in self.rows:
            old = worst.get((case, stage), (0, 0.0))
            worst[case, stage] = (old[0] + 1, max(old[1], difference), tolerance)
        for (case, stage), (count, difference, tolerance) in worst.items():
            mark = "ok  " if difference <= tolerance else "FAIL"
            print(f"{mark} {case:28} {stage:24} {count:4} values, worst {difference:.2e}, tolerance {tolerance:.0e}")
        failed = sum(difference > tolerance for _, _, difference, tolerance in self.rows)
        print(f"{len(self.rows)} comparisons, {failed} failed")
        return failed == 0 and len(self.rows) > 0


def check(folder):
    report = Report()
    for path, _, files in sorted(os.walk(folder)):
        if "case.json" in files:
            case = load_json(f"{path}/case.json")
            config = case["config"]
            (check_tower if "patch_size" in config else check_real if "prompt" in case else check_decoder)(
                report, path, case
            )
            if "adapter.safetensors" in files:
                check_adapter(report, Path(path), case["case"])
        elif os.path.basename(path) == "rope":
            check_rope(report, path)
    return report.finish()


def batch_of(inputs, name):
    return {key.removeprefix(name + "."): value for key, value in inputs.items() if key.startswith(name + ".")}


def stored_weights(report, path, case):
    weights = weights_of(case["weights"])
    if os.path.exists(f"{path}/weights.safetensors"):
        stored = load_tensors(f"{path}/weights.safetensors")
        for name, value in weights.items():
            report.compare(case["case"], "weights", value, stored[name], 0.0)
    return weights


@torch.no_grad()
def check_decoder(report, path, case):
    name, config, tied = case["case"], Config.of(case), case["weights"]["tied"]
    inputs, expected = load_tensors(f"{path}/inputs.safetensors"), load_tensors(f"{path}/expected.safetensors")
    w = stored_weights(report, path, case)
    for each, entry in case["inputs"].items():
        batch = batch_of(inputs, each)
        report.equal(name, "ids", batch["input_ids"].tolist(), entry["input_ids"])
        output, training = forward(config, w, batch), forward(config, w, batch, train=True)
        real = batch["attention_mask"].bool() if "attention_mask" in batch else slice(None)
        for stage, value in output.hidden.items():
            report.compare(name, "hidden", value[real], expected[f"{each}.hidden.{stage}"][real], 1e-4)
        report.compare(name, "logits", output.logits[real], expected[f"{each}.logits"][real], 2e-4)
        if f"{each}.logits_train" in expected:
            report.compare(name, "logits_train", training.logits[real], expected[f"{each}.logits_train"][real], 2e-4)
        report.compare(name, "loss", loss_of(config, output.logits, batch), entry["loss"], 2e-5)
        report.compare(name, "aux_loss", training.aux, entry["aux_loss_train"], 2e-6)
    check_gradients(report, path, case, config, w, inputs, expected)
    if "adjacent_runs" in case:
        n = config.image_tokens
        features = torch.zeros(1, 2, n, case["config"]["image_hidden_size"])
        try:
            forward(config, w, {"input_ids": torch.tensor(case["adjacent_runs"]["input_ids"]), "features": features})
            report.equal(name, "adjacent_runs raises", True, False)
        except ValueError:
            report.equal(name, "adjacent_runs raises", True, True)
    if "generation" in case:
        check_generation(report, path, case, config, w)
    if "training" in case:
        check_training(report, path, case, config, w, inputs)


@torch.enable_grad()
def check_gradients(report, path, case, config, w, inputs, expected):
    name, tied = case["case"], case["weights"]["tied"]
    own_file = f"{path}/grads.safetensors"
    stored = load_tensors(own_file) if os.path.exists(own_file) else expected
    for each, entry in case.get("gradients", {}).items():
        grads, summary = gradients(config, w, tied, batch_of(inputs, each))
        for key in ("loss_plus_aux", "aux_loss"):
            report.compare(name, "loss + aux", summary[key], entry[key], 2e-5)
        for key in ("grad_is_none", "grad_is_all_zero"):
            report.equal(name, key, sorted(summary[key]), sorted(entry[key]))
        for key, grad in grads.items():
            if f"grad.{each}.{key}" in stored:
                report.compare(name, "gradients", grad, stored[f"grad.{each}.{key}"], 3e-5)


def check_generation(report, path, case, config, w):
    name, entry = case["case"], case["generation"]
    stored = load_tensors(f"{path}/generation.safetensors")
    features, prompt = stored["gen.features"], entry["prompt_ids"]
    plain = entry["greedy"]
    ids, logits, gap, _ = greedy(config, w, prompt, features, plain["max_new_tokens"])
    report.equal(name, "greedy ids", ids, plain["new_ids"])
    report.compare(name, "step_logits", logits, stored["gen.greedy.step_logits"], 2e-4)
    report.compare(name, "greedy gap", gap, plain["min_top1_top2_gap"], 2e-4)
    other = entry["greedy_repetition_penalty"]
    ids, _, gap, _ = greedy(config, w, prompt, features, other["max_new_tokens"], penalty=other["repetition_penalty"])
    report.equal(name, "greedy penalty ids", ids, other["new_ids"])
    report.compare(name, "greedy gap", gap, other["min_top1_top2_gap"], 2e-4)
    stop = entry["greedy_eos"]
    ids, *_ = greedy(config, w, prompt, features, stop["max_new_tokens"], eos=stop["eos_token_id"])
    report.equal(name, "greedy eos ids", ids, stop["new_ids"])
    for key, setting in entry["sampling"].items():
        settings = {each: setting[each] for each in ("temperature", "top_k", "top_p", "repetition_penalty")}
        ours, probabilities, _ = sampled(config, w, prompt, features, settings)
        theirs = stored[f"gen.sample.{key}.probs"]
        report.compare(name, "probabilities", probabilities, theirs, 1e-5)
        report.equal(name, "kept ids", (probabilities > 0).tolist(), (theirs > 0).tolist())
        report.equal(name, "argmax ids", ours["argmax_ids"], setting["argmax_ids"])


@torch.enable_grad()
def check_training(report, path, case, config, w, inputs):
    name, entry = case["case"], case["training"]
    stored = load_tensors(f"{path}/train.safetensors")
    batches = [batch_of(inputs, f"train.{i}") for i in range(entry["iters"])]
    for policy, log in entry["policies"].items():
        total = entry["epochs"] * entry["iters"]
        moved, ours = train(config, w, case["weights"]["tied"], batches, policy, entry["lr"], total)
        report.equal(name, "trainable", sorted(ours["trainable"]), sorted(log["trainable"]))
        report.compare(name, "lr", ours["lr"], log["lr"], 1e-12)
        report.compare(name, "training loss", ours["loss_plus_aux"], log["loss_plus_aux"], 5e-5)
        norms = torch.tensor(ours["grad_norm_before_clip"]) / torch.tensor(log["grad_norm_before_clip"])
        report.compare(name, "gradient norm ratio", norms, torch.ones_like(norms), 1e-5)
        differences = [(value.detach() - stored[f"after3.{policy}.{key}"]).flatten() for key, value in moved.items()]
        difference = torch.cat(differences).abs()
        report.compare(name, "after 3 steps, rms", difference.pow(2).mean().sqrt(), 0.0, 5e-6)
        report.compare(name, "after 3 steps, outliers", (difference > 1e-5).float().mean(), 0.0, 1e-3)
        report.compare(name, "after 3 steps, largest", difference.max(), 0.0, entry["lr"])


@torch.no_grad()
def check_real(report, path, case):
    name, config, prompt = case["case"], Config.of(case), case["prompt"]
    expected, w = load_tensors(f"{path}/expected.safetensors"), weights_of(case["weights"])
    for key, facts in case["weights"].get("check", {}).items():
        report.equal(name, "weights", sha256(w[key]), facts["sha256_f32le"])
    ids = Stream(prompt["ids_generator_seed"]).ints(prompt["length"] + 1, *prompt["ids_range"])
    ids[prompt["image_at"] : prompt["image_at"] + prompt["image_tokens"]] = [prompt["marker"]] * prompt["image_tokens"]
    report.equal(name, "ids", ids[:-1], expected["input_ids"].tolist())
    features = floats(prompt["features_generator_seed"], prompt["features_shape"], prompt["features_a"])
    output = forward(config, w, {"input_ids": torch.tensor([ids[:-1]]), "features": features})
    logits, rows = output.logits[0], expected["rows"].long()
    for key in ("embed", *(f"block.{i}" for i in range(config.layers))):
        report.compare(name, "hidden", output.hidden[key][0, rows], expected[f"hidden_rows.{key}"], 5e-4)
    report.compare(name, "logits", logits[rows], expected["logits_rows"], 5e-4)
    report.compare(name, "logsumexp", logits.logsumexp(-1), expected["logsumexp"], 2e-5)
    report.compare(name, "logits_sum", logits.double().sum(-1), expected["logits_sum"], 2e-2)
    sure = expected["top1_top2_gap"] > 1e-3
    report.equal(name, "argmax", logits.argmax(-1)[sure].tolist(), expected["argmax"][sure].tolist())
    mask = expected["loss_mask"]
    batch = {"loss_mask": mask[None], "targets": expected["targets"][None]}
    batch["labels"] = expected["input_ids"].masked_fill(mask == 0, -100)[None]
    report.compare(name, "loss", loss_of(config, output.logits, batch), case["loss"], 2e-5)


@torch.no_grad()
def check_tower(report, path, case):
    name, config, pixels = case["case"], case["config"], case["pixel_values"]
    expected, w = load_tensors(f"{path}/expected.safetensors"), stored_weights(report, path, case)
    values = floats(pixels["generator_seed"], pixels["shape"], pixels["a"])
    report.equal(name, "pixels", sha256(values), pixels["sha256_f32le"])
    output = tower(config, w, values)
    clip, whole = config["hidden_act"] == "quick_gelu", "rows" not in expected
    tolerance, last = 5e-5 if whole else 2e-4, output["last"]
    key = "last_hidden_state_no_cls" if clip else "last_hidden_state"
    if clip:
        for stage, i in [("pre_layrnorm", 0)] + [(f"layer.{i}", i + 1) for i in range(config["num_hidden_layers"])]:
            stored = expected.get(f"hidden.{stage}", expected.get(f"hidden_rows_with_cls.{stage}"))
            if stored is not None:
                ours = output["hidden"][i] if whole else output["hidden"][i][0, [0, 1, 100]]
                report.compare(name, "hidden", ours, stored, tolerance)
        cls = expected["cls_before_post_layernorm"]
        report.compare(name, "cls", output["cls"].view_as(cls), cls, tolerance)
        report.compare(name, "image_embeds", output["image_embeds"], expected["image_embeds"], tolerance)
    elif whole:
        for i, hidden in enumerate(output["hidden"]):
            report.compare(name, "hidden", hidden, expected[f"hidden.{i}"], tolerance)
    if whole:
        report.compare(name, "last_hidden_state", last, expected[key], tolerance)
    else:
        report.compare(name, "last_hidden_state", last[0, expected["rows"].long()], expected[key + "_rows"], tolerance)
        report.compare(name, "token_sum", last[0].double().sum(-1), expected["token_sum"], 2e-2)


def check_rope(report, path):
    for version in ("v2", "v3"):
        if not os.path.exists(f"{path}/{version}.json"):
            continue
        stored = load_tensors(f"{path}/{version}.safetensors")
        for key, table in load_json(f"{path}/{version}.json")["tables"].items():
            args = table["args"]
            theta = args.get("theta") or args["rope_base"]
            cos, sin = rope_table(table["dim"], args["end"], theta, args.get("rope_scaling"))
            report.compare(f"rope {version}", "tables", cos[table["rows"]], stored[f"{key}.cos"], 1e-6)
            report.compare(f"rope {version}", "tables", sin[table["rows"]], stored[f"{key}.sin"], 1e-6)
