"""Malicious checkpoints: each runs a command in Python's own pickle module, or reaches for what could."""

from torch_files.by_hand import tensor, text
from torch_files.contents import save_legacy
from torch_files.damage import zip_of
from torch_files.registry import CASES, case

PWNED = "minimind-v-pwned"
TOUCH = f"touch {PWNED}"


def evil(body):
    return zip_of(b"\x80\x04" + body + b".")


def short(value):
    return b"\x8c" + bytes([len(value)]) + value.encode()


EVIL = {
    "system": ("os.system by GLOBAL and REDUCE", b"cposix\nsystem\n" + text(TOUCH) + b"\x85R"),
    "stack-global": ("os.system by STACK_GLOBAL", short("os") + short("system") + b"\x93" + text(TOUCH) + b"\x85R"),
    "getattr": (
        "os.system through getattr and __import__",
        b"c__builtin__\ngetattr\nc__builtin__\n__import__\n" + text("os") + b"\x85R" + text("system") + b"\x86R"
        + text(TOUCH) + b"\x85R",
    ),
    "inst": ("os.system by INST", b"(" + text(TOUCH) + b"ios\nsystem\n"),
    "obj": ("os.system by OBJ", b"(cos\nsystem\n" + text(TOUCH) + b"o"),
    "newobj": ("subprocess.Popen by NEWOBJ", b"csubprocess\nPopen\n" + text(TOUCH) + b"\x85\x81"),
    "dotted": (
        "a dotted name that starts on the list",
        short("torch._utils") + short("_rebuild_tensor_v2.__globals__") + b"\x93" + text(TOUCH) + b"\x85R",
    ),
    "load-from-bytes": (
        "torch's own way to load a pickle within a pickle",
        b"ctorch.storage\n_load_from_bytes\n" + text("x") + b"\x85R",
    ),
    "codecs": ("a name that other readers allow", b"c_codecs\nencode\n" + text(TOUCH) + text("latin1") + b"\x86R"),
    "build": (
        "__setstate__ of a class",
        b"ccollections\nOrderedDict\n" + b"}" + text("__setstate__") + b"cos\nsystem\nsb",
    ),
    "extension": ("a name from the extension registry", b"\x82\x01" + text(TOUCH) + b"\x85R"),
    "persistent": ("a name as a persistent id", b"Pos.system\n"),
    "hidden": (
        "behind a good tensor",
        b"}" + text("w") + tensor() + b"s" + text("x") + b"cos\nsystem\n" + text(TOUCH) + b"\x85Rs",
    ),
}
for name, (remark, body) in EVIL.items():
    CASES[f"evil-{name}-zip.pth"] = ("refuse", remark, lambda body=body: evil(body), {"never_create": PWNED})


@case("evil-eval-legacy.pth", "refuse", "legacy header, then a pickle that calls eval", never_create=PWNED)
def evil_legacy():
    data = save_legacy({})
    start = data.rindex(b"\x80\x02}")
    call = f"__import__('os').system('{TOUCH}')"
    return data[:start] + b"\x80\x02c__builtin__\neval\n" + text(call) + b"\x85R."
