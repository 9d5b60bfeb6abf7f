"""Checks exported files with PyTorch: what `minimind convert` writes loads with weights_only=True and computes the same.

    python tools/check_pth_with_torch.py [--deno PATH]

First the committed files in tests/fixtures/export, number by number, then every language model in
tests/fixtures/goldens: converted by this project, loaded by PyTorch, run through the models in goldens/minimind.py.

Needs torch, numpy and safetensors, and deno for the second part.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch

from goldens.check import Report, batch_of
from goldens.minimind import Config, forward
from goldens.numbers import load_json, load_tensors

ROOT = Path(__file__).parent.parent
TYPES = {"f16": torch.float16, "f32": torch.float32, "bf16": torch.bfloat16}


def numbered(shape, step=16):
    count = int(torch.tensor(shape).prod()) if shape else 1
    return ((torch.arange(count) * 37 % 101 - 50) / step).reshape(shape)


TINY = {
    "model.embed_tokens.weight": numbered((5, 4)),
    "model.norm.weight": numbered((4,)),
    "scalar": numbered(()),
    "empty": numbered((0, 4)),
    "empty.last": numbered((3, 0)),
    "cube": numbered((2, 3, 4)),
    "patches": numbered((3, 2, 2, 2)),
    "long": numbered((300,)),
    "position_ids": numbered((1, 6), 1).long(),
    "lm_head.weight": numbered((5, 4)),
}


def load(path):
    return torch.load(path, weights_only=True), torch.load(path, weights_only=True, mmap=True)


def tied(state):
    return state["lm_head.weight"].data_ptr() == state["model.embed_tokens.weight"].data_ptr()


def pickle_of(file):
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        return archive.read("archive/data.pkl")


def check_tiny(report, path, dtype):
    for state in load(path):
        report.equal(path.name, "names", list(state), list(TINY))
        report.equal(path.name, "tied", tied(state), True)
        for name, value in TINY.items():
            expected = value if value.dtype == torch.int64 else value.to(dtype)
            report.equal(path.name, "type", state[name].dtype, expected.dtype)
            report.equal(path.name, "strides", state[name].stride(), expected.contiguous().stride())
            report.compare(path.name, "values", state[name], expected, 0.0)
    again = io.BytesIO()
    torch.save(load(path)[0], again)
    report.equal(path.name, "pickle as torch.save's", pickle_of(path), pickle_of(again))


@torch.no_grad()
def check_case(report, folder, deno):
    case = load_json(folder / "case.json")
    name, config = case["case"], Config.of(case)
    inputs, expected = load_tensors(folder / "inputs.safetensors"), load_tensors(folder / "expected.safetensors")
    weights = load_tensors(folder / "weights.safetensors")
    with tempfile.TemporaryDirectory() as out:
        (Path(out) / "config.json").write_text(json.dumps(case["config"]))
        for precision, dtype in TYPES.items():
            path = f"{out}/{precision}.pth"
            arguments = ["convert", folder / "weights.safetensors", path, "--config", f"{out}/config.json"]
            command = [deno, "run", "--allow-all", ROOT / "mod.ts", *arguments, "--precision", precision]
            subprocess.run(command, check=True, capture_output=True)
            state, _ = load(path)
            report.equal(name, "names", sorted(state), sorted(weights))
            report.equal(name, "tied", tied(state), bool(case["weights"]["tied"]))
            for key, value in weights.items():
                report.compare(name, f"weights {precision}", state[key], value.to(dtype), 0.0)
            if precision != "f32":
                continue
            for each in case["inputs"]:
                batch = batch_of(inputs, each)
                logits = forward(config, state, batch).logits
                real = batch["attention_mask"].bool() if "attention_mask" in batch else slice(None)
                report.compare(name, "logits", logits[real], expected[f"{each}.logits"][real], 1e-4)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deno", metavar="PATH", default="deno", help="how to call deno")
    options = parser.parse_args()
    torch.set_num_threads(1)
    report = Report()
    for precision, dtype in TYPES.items():
        check_tiny(report, ROOT / "tests" / "fixtures" / "export" / f"tiny-{precision}.pth", dtype)
    goldens = ROOT / "tests" / "fixtures" / "goldens"
    for path in sorted(goldens.glob("**/inputs.safetensors")):
        if (path.parent / "weights.safetensors").exists():
            check_case(report, path.parent, options.deno)
    sys.exit(0 if report.finish() else 1)


main()
