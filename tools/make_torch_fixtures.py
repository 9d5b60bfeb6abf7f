"""Makes the PyTorch checkpoints in tests/fixtures/goldens/pth: good ones, malicious ones and damaged ones.

    python tools/make_torch_fixtures.py [--out DIR]

`files.json` says of each file whether a reader must load or refuse it. Beside a good one lie its tensors as
safetensors, halves widened to float32, short integers to int32, keys of nested containers joined by `/`.

Needs torch 2, numpy and safetensors.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

import torch_files.malice  # imports all files that register cases
from torch_files.registry import CASES

def describe(value):
    if isinstance(value, torch.Tensor):
        return {"tensor": str(value.dtype).removeprefix("torch."), "shape": list(value.shape)}
    if isinstance(value, dict):
        return {str(key): describe(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [describe(inner) for inner in value]
    return str(value) if isinstance(value, int) and abs(value) >= 2**53 else value


def leaves(value, name=""):
    """Tensors by name, in the order of the file."""
    if isinstance(value, torch.Tensor):
        yield name, value.detach()
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    for key, inner in items:
        yield from leaves(inner, f"{name}/{key}" if name else str(key))


WIDER = {
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
    torch.int8: torch.int32,
    torch.int16: torch.int32,
}


def widened(value):
    return value.to(WIDER.get(value.dtype, value.dtype)).clone().contiguous()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = Path(__file__).parent.parent / "tests" / "fixtures" / "goldens" / "pth"
    parser.add_argument("--out", metavar="DIR", type=Path, default=default)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for old in out.iterdir():
        old.unlink()
    files = {}
    for name, (must, note, make, more) in CASES.items():
        made = make()
        data, content = made if isinstance(made, tuple) else (made, None)
        (out / name).write_bytes(data)
        files[name] = {"must": must, "note": note, **more}
        if must == "load":
            tensors = dict(leaves(content))
            expected = name.replace(".pth", ".expected.safetensors")
            save_file({key: widened(value) for key, value in tensors.items()}, out / expected)
            files[name]["expected"] = expected
            files[name]["dtypes"] = {key: describe(value)["tensor"] for key, value in tensors.items()}
            files[name]["structure"] = describe(content)
    (out / "files.json").write_text(json.dumps(files, indent=1) + "\n")
    total = sum(file.stat().st_size for file in out.iterdir())
    print(f"{len(files)} checkpoints, {total} bytes in {out}")


if __name__ == "__main__":
    main()
