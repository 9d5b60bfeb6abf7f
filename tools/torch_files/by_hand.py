"""Checkpoints whose pickles are written by hand, most of them damaged."""

import struct

from torch_files.contents import numbers
from torch_files.damage import zip_of
from torch_files.registry import CASES, case


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def integer(value):
    return b"J" + struct.pack("<i", value) if abs(value) < 2**31 else b"\x8a\x08" + struct.pack("<q", value)


def integers(values):
    return b"(" + b"".join(map(integer, values)) + b"t"


def storage(length, kind="FloatStorage", key="0"):
    return b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text(key) + text("cpu") + integer(length) + b"tQ"


def tensor(length=4, offset=0, size=(2,), stride=(1,), hooks=b"ccollections\nOrderedDict\n)R", **more):
    parts = [storage(length, **more), integer(offset), integers(size), integers(stride), b"\x89", hooks]
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + b"".join(parts) + b"tR"


def one_tensor(**options):
    return zip_of(b"\x80\x02}" + text("w") + tensor(**options) + b"s.", data_0=numbers(4).numpy().tobytes())


@case("by-hand-zip.pth", "load", "the pickle that the next ones vary")
def by_hand():
    return one_tensor(), {"w": numbers(4)[:2]}


VARIANTS = {
    "view-past-storage": ("3x3 view of 4 elements", {"size": (3, 3), "stride": (3, 1)}),
    "stride-past-storage": ("strides lead outside", {"size": (2,), "stride": (4,)}),
    "negative-offset": ("negative storage offset", {"offset": -2}),
    "negative-stride": ("negative stride", {"offset": 3, "stride": (-1,)}),
    "huge-extent": ("a product of extents beyond 2^53", {"size": (2**40, 2**40), "stride": (0, 0)}),
    "hidden-extent": ("a zero among extents that overflow", {"size": (2**52,) * 40 + (0,), "stride": (0,) * 41}),
    "repeated": ("2^40 elements by a stride of zero", {"size": (2**40,), "stride": (0,)}),
    "huge-storage": ("a storage of 2^50 elements", {"length": 2**50}),
    "many-dimensions": ("65 dimensions", {"size": (1,) * 65, "stride": (1,) * 65}),
    "strides-missing": ("fewer strides than extents", {"size": (2, 2), "stride": (1,)}),
    "complex": ("a type that is not read", {"kind": "ComplexFloatStorage", "length": 2}),
    "quantised": ("a type that is not read", {"kind": "QInt8Storage", "length": 16}),
    "hooks": ("backward hooks", {"hooks": b"}" + text("a") + b"Ns"}),
}
for variant, (remark, change) in VARIANTS.items():
    CASES[f"{variant}-zip.pth"] = ("refuse", remark, lambda change=change: one_tensor(**change), {})

PICKLES = {
    "two-keys": ("one key twice", b"}" + text("w") + b"K\x01s" + text("w") + b"K\x02s."),
    "same-name": (
        "two nested values of one name",
        b"}" + text("a/b") + b"K\x01s" + text("a") + b"}" + text("b") + b"K\x02ss.",
    ),
    "tuple-key": ("a key that is no name", b"})K\x01s."),
    "no-dict": ("a lone number", b"K\x01."),
    "class-leaf": ("a class among the values", b"}" + text("w") + b"ctorch\nFloatStorage\ns."),
    "storage-leaf": ("a storage without a tensor", b"}" + text("w") + storage(4) + b"s."),
    "cycle": ("a list that contains itself", b"}" + text("w") + b"]q\x00h\x00as."),
    "deep": ("a list in a list, 1000 times", b"}" + text("w") + b"]" * 1000 + b"a" * 999 + b"s."),
    "laughs": (
        "2^40 values by sharing tuples",
        b"}" + text("w") + b"K\x01\x85q\x00" + b"".join(b"h%c\x86q%c" % (i, i + 1) for i in range(40)) + b"s.",
    ),
    "wide-laughs": (
        "360 000 values by sharing a list",
        b"}" + text("w") + b"]q\x00(" + b"K\x01" * 600 + b"e](" + b"h\x00" * 600 + b"e\x86s.",
    ),
    "underflow": ("more is taken from the stack than is there", b"}ss."),
    "no-mark": ("a tuple without its mark", b"K\x01t."),
    "mark-crossed": ("a value is taken from below the mark", b"}" + text("w") + b"(a."),
    "not-remembered": ("a memo that was never set", b"h\x07."),
    "no-stop": ("it never stops", b"}" + text("w")),
    "two-values": ("two values are left", b"}}."),
    "long-string": ("a string longer than the file", b"}X\xff\xff\xff\x7fabc."),
    "not-utf8": ("a string that is not UTF-8", b"}X\x02\x00\x00\x00\xff\xfeK\x01s."),
    "protocol-9": ("a protocol that does not exist", b"\x80\x09}."),
    "call-string": ("a string is called", text("w") + b")R."),
    "call-storage": ("a storage class is called", b"ctorch\nFloatStorage\n)R."),
    "build-number": ("state for a number", b"K\x01}b."),
}
for name, (remark, body) in PICKLES.items():
    CASES[f"{name}-zip.pth"] = ("refuse", remark, lambda body=body: zip_of(b"\x80\x02" + body, data_0=bytes(16)), {})
