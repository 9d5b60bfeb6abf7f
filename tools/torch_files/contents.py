"""Good checkpoints, by torch itself."""

import io
import pickle
import warnings
from collections import OrderedDict

import torch

from torch_files.registry import case

warnings.filterwarnings("ignore", message="TypedStorage is deprecated")


def numbers(*shape, dtype=torch.float32):
    count = int(torch.tensor(shape).prod()) if shape else 1
    return ((torch.arange(count, dtype=torch.float32) * 37 % 101 - 50) / 15.7).reshape(shape).to(dtype)


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = torch.nn.Embedding(12, 8)
        self.q_proj = torch.nn.Linear(8, 8)
        self.norm = torch.nn.LayerNorm(8)
        self.lm_head = torch.nn.Linear(8, 12, bias=False)
        self.lm_head.weight = self.embed_tokens.weight
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(numbers(*parameter.shape))


def halves(dtype=torch.float16):
    return {name: value.to(dtype) for name, value in Block().state_dict().items()}


def views():
    base = numbers(6, 10)
    return {
        "row_slice": base[2:5],
        "transposed": base.t(),
        "strided": base[::2, 1::3],
        "last_element": base[5, 9],
        "expanded": base[0, 3].expand(4, 2),
        "empty": base[:0],
        "half_column": numbers(4, 5, dtype=torch.float16)[:, 2],
        "half_extremes": torch.tensor([6e-8, -6e-5, 65504, float("inf"), -0.0], dtype=torch.float16),
        "double": numbers(3, dtype=torch.float64) / 3,
        "double_transposed": numbers(2, 3, dtype=torch.float64).t(),
        "int64": torch.tensor([-(2**40), 5]),
        "int32": torch.tensor([[-7, 2**30]], dtype=torch.int32),
        "int16": torch.tensor([-300, 300], dtype=torch.int16),
        "int8": torch.tensor([-128, 127], dtype=torch.int8),
        "uint8": torch.tensor([0, 255], dtype=torch.uint8),
        "bool": torch.tensor([[True, False], [False, True]]).t(),
        "parameter": torch.nn.Parameter(numbers(5)),
        "nested": {
            "list": [numbers(2), 5, "text", None, 1.5, True, -(2**70)],
            "tuple": (1, 2),
            7: {"deep": numbers(1)},
        },
    }


def resume():
    model = Block()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for parameter in model.parameters():
        parameter.grad = numbers(*parameter.shape)
    optimiser.step()
    return {
        "model": model.state_dict(),
        "optimizer": optimiser.state_dict(),
        "epoch": 1,
        "step": 3,
        "world_size": 1,
        "wandb_id": None,
        "scaler": {"scale": 65536.0, "growth_factor": 2.0, "growth_interval": 2000, "_growth_tracker": 1},
    }


def save(content, **options):
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


class Sizes(pickle.Unpickler):
    """Notes the bytes of each storage that a pickle names, in the order it names them."""

    def __init__(self, file):
        super().__init__(file)
        self.sizes = {}

    def find_class(self, module, name):
        if name.endswith("Storage"):
            return getattr(torch, name)
        return OrderedDict if name == "OrderedDict" else lambda *args: None

    def persistent_load(self, identity):
        _, kind, key, _, count, _ = identity
        self.sizes[key] = count * kind.dtype.itemsize


def save_legacy(content):
    """Storages are named and sorted by their addresses; here by counters, so that two runs give the same bytes."""
    data = save(content, _use_new_zipfile_serialization=False)
    file = io.BytesIO(data)
    for _ in range(3):
        pickle.load(file)
    pickles = Sizes(file)
    pickles.load()
    listed = file.tell()
    records = {key: file.read(8 + pickles.sizes[key]) for key in pickle.load(file)}
    head, names = data[:listed], {key: str(10 ** (len(key) - 1) + i) for i, key in enumerate(pickles.sizes)}
    for key, name in names.items():
        head = head.replace(key.encode(), name.encode())
    return head + pickle.dumps(list(names.values()), 2) + b"".join(records[key] for key in names)


@case("module-zip.pth", "load", "state_dict() of a module: OrderedDict with _metadata, tied tensors share a storage")
def module_zip():
    return save(Block().state_dict()), Block().state_dict()


@case("half-zip.pth", "load", "plain dict of halves, as upstream's trainers save")
def half_zip():
    return save(halves()), halves()


@case("bf16-zip.pth", "load", "bfloat16")
def bf16_zip():
    return save(halves(torch.bfloat16)), halves(torch.bfloat16)


@case("module-legacy.pth", "load", "the format before torch 1.6")
def module_legacy():
    return save_legacy(Block().state_dict()), Block().state_dict()


@case("half-legacy.pth", "load", "the format before torch 1.6, halves")
def half_legacy():
    return save_legacy(halves()), halves()


@case("views-zip.pth", "load", "strided, expanded, empty and shared views, every type, Parameter, nested containers")
def views_zip():
    return save(views()), views()


@case("views-legacy.pth", "load", "the same in the format before torch 1.6")
def views_legacy():
    return save_legacy(views()), views()


@case("resume-zip.pth", "load", "model, AdamW, scaler and counters")
def resume_zip():
    return save(resume()), resume()


@case("protocol-4-zip.pth", "load", "pickle protocol 4: STACK_GLOBAL, MEMOIZE, FRAME")
def protocol_4():
    return save(halves(), pickle_protocol=4), halves()


@case("protocol-5-zip.pth", "load", "pickle protocol 5")
def protocol_5():
    return save(halves(), pickle_protocol=5), halves()


@case("no-crc-zip.pth", "load", "torch was told to compute no CRC-32 and writes 0")
def no_crc():
    torch.serialization.set_crc32_options(False)
    try:
        return save(halves()), halves()
    finally:
        torch.serialization.set_crc32_options(True)
