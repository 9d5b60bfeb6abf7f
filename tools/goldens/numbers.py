"""Seeded numbers that JavaScript can repeat bit for bit, and safetensors files."""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

MASK = np.uint64(0xFFFFFFFF)


def draws(seed, offset, count):
    """Draws `offset` to `offset + count` of mulberry32 stream `seed`, uniform in 0 to 1, as float64."""
    index = np.arange(offset + 1, offset + count + 1, dtype=np.uint64)
    a = (np.uint64(seed) + index * np.uint64(0x6D2B79F5)) & MASK
    t = ((a ^ (a >> np.uint64(15))) * (a | np.uint64(1))) & MASK
    t = ((t + (((t ^ (t >> np.uint64(7))) * (t | np.uint64(61))) & MASK)) & MASK) ^ t
    return (t ^ (t >> np.uint64(14))).astype(np.float64) / 2.0**32


def floats(seed, shape, a, c=0.0, offset=0):
    """float32 numbers in c - a to c + a, C order."""
    u = draws(seed, offset, int(np.prod(shape)))
    return torch.from_numpy((c + a * (2 * u - 1)).astype(np.float32).reshape(shape))


class Stream:
    """Numbers of one seed, drawn one after another."""

    def __init__(self, seed):
        self.seed, self.offset = seed, 0

    def ints(self, count, low, high):
        u = draws(self.seed, self.offset, count)
        self.offset += count
        return (low + np.floor(u * (high - low))).astype(np.int64).tolist()

    def floats(self, shape, a, c=0.0):
        values = floats(self.seed, shape, a, c, self.offset)
        self.offset += values.numel()
        return values


def manifest(seed, shapes, spread, tied=()):
    """The `weights` entry of a case: every tensor's shape, place in the stream, spread `a` and centre `c`."""
    tensors, offset = [], 0
    for name, shape in shapes.items():
        a, c = spread(name, shape)
        tensors.append({"name": name, "shape": list(shape), "offset": offset, "a": round(a, 6), "c": c})
        offset += int(np.prod(shape))
    return {"generator_seed": seed, "tied": [list(pair) for pair in tied], "count": offset, "tensors": tensors}


def weights_of(entry):
    """Tensors by name from a case's `weights` entry, aliases of tied ones included."""
    weights = {
        t["name"]: floats(entry["generator_seed"], t["shape"], t["a"], t["c"], t["offset"]) for t in entry["tensors"]
    }
    for name, alias in entry.get("tied", []):
        weights[alias] = weights[name]
    return weights


def sha256(tensor):
    return hashlib.sha256(tensor.numpy().astype("<f4").tobytes()).hexdigest()


def load_tensors(path):
    return load_file(path)


def save_tensors(path, tensors, metadata=None):
    """Writes tensors; integers as I32, shared memory copied."""
    save_file({name: plain(value) for name, value in tensors.items()}, path, metadata)


def plain(value):
    value = value.detach()
    return (value if value.is_floating_point() else value.to(torch.int32)).contiguous().clone()


def load_json(path):
    return json.loads(Path(path).read_text("utf-8"))


def save_json(path, value):
    Path(path).write_text(layout(value) + "\n", "utf-8")


def layout(value, indent=0):
    """JSON with short values on one line."""
    line = json.dumps(value, ensure_ascii=False)
    line = "{ " + line[1:-1] + " }" if isinstance(value, dict) and value else line
    if not isinstance(value, (dict, list)) or len(line) + indent < 100:
        return line
    pad = "  " * (indent // 2 + 1)
    if isinstance(value, dict):
        items = [f"{json.dumps(key, ensure_ascii=False)}: {layout(each, indent + 2)}" for key, each in value.items()]
    else:
        items = [layout(each, indent + 2) for each in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return opening + "\n" + ",\n".join(pad + item for item in items) + "\n" + pad[2:] + closing
