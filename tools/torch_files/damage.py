"""Checkpoints with damage, and archives that are no checkpoints."""

import io
import pickle
import struct
import zipfile

from torch_files.contents import Block, halves, numbers, save, save_legacy
from torch_files.registry import case


def repack(data, change=lambda records: None, folder="archive", method=zipfile.ZIP_STORED):
    """The same records, changed, in a new archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        records = {name.split("/", 1)[1]: source.read(name) for name in source.namelist()}
    change(records)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as target:
        for name, content in records.items():
            target.writestr(zipfile.ZipInfo(f"{folder}/{name}"), content, method)
    return buffer.getvalue()


@case("repacked-zip.pth", "load", "stored again by another zip writer: no padding, nothing aligned, another folder")
def repacked():
    return repack(save(Block().state_dict()), folder="elsewhere"), Block().state_dict()


def zip_of(pkl, **records):
    """An archive with a pickle and the given records; `data_0` is `data/0`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in {"data.pkl": pkl, **records, "version": b"3\n"}.items():
            target.writestr(zipfile.ZipInfo(f"archive/{name.replace('data_', 'data/')}"), content)
    return buffer.getvalue()


def small():
    return save({"w": numbers(4), "b": numbers(2)})


@case("truncated-zip.pth", "refuse", "first 60 %: no central directory")
def truncated_zip():
    data = save(halves())
    return data[: len(data) * 6 // 10]


@case("truncated-legacy.pth", "refuse", "first 60 %: ends inside a storage")
def truncated_legacy():
    data = save_legacy(halves())
    return data[: len(data) * 6 // 10]


@case("short-storage-zip.pth", "refuse", "a record has half the bytes its storage claims")
def short_storage():
    return repack(small(), lambda records: records.update({"data/0": records["data/0"][:8]}))


@case("long-storage-zip.pth", "refuse", "a record has more bytes than its storage claims")
def long_storage():
    return repack(small(), lambda records: records.update({"data/0": records["data/0"] * 2}))


@case("missing-record-zip.pth", "refuse", "the record of a storage is absent")
def missing_record():
    return repack(small(), lambda records: records.pop("data/1"))


@case("bad-crc-zip.pth", "refuse", "one flipped bit; torch itself does not check the CRC-32")
def bad_crc():
    data = bytearray(small())
    at = data.index(numbers(4).numpy().tobytes())
    data[at + 5] ^= 4
    return bytes(data)


@case("compressed-zip.pth", "refuse", "deflated records, which torch never writes")
def compressed():
    return repack(small(), method=zipfile.ZIP_DEFLATED)


@case("big-endian-zip.pth", "refuse", "its byteorder record says big")
def big_endian():
    return repack(small(), lambda records: records.update({"byteorder": b"big"}))


@case("big-endian-legacy.pth", "refuse", "its system pickle says big-endian")
def big_endian_legacy():
    return save_legacy({"w": numbers(4)}).replace(b"little_endianq\x02\x88", b"little_endianq\x02\x89")


@case("overlapping-zip.pth", "refuse", "a record claims the bytes of the next one too")
def overlapping():
    data = bytearray(repack(small()))
    entry = data.rindex(b"PK\x01\x02", 0, data.rindex(b"archive/data/0"))
    (size,) = struct.unpack("<I", data[entry + 24 : entry + 28])
    data[entry + 20 : entry + 28] = struct.pack("<II", size + 40, size + 40)
    return bytes(data)


@case("twice-zip.pth", "refuse", "the directory lists a record twice")
def twice():
    data = repack(small())
    name = b"archive/data/0"
    entry = data[data.rindex(b"PK\x01\x02", 0, data.rindex(name)) : data.rindex(name) + len(name)]
    end = data.rindex(b"PK\x05\x06")
    total, size = struct.unpack("<HI", data[end + 10 : end + 16])
    tail = bytearray(data[end:])
    tail[8:16] = struct.pack("<HHI", total + 1, total + 1, size + len(entry))
    return data[:end] + entry + bytes(tail)


@case("program-zip.pth", "refuse", "a TorchScript archive")
def program():
    return zip_of(b"\x80\x02}.", **{"constants.pkl": b"\x80\x02).", "code/x.py": b"pass\n"})


@case("other-zip.pth", "refuse", "a zip archive that is no checkpoint")
def other():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        target.writestr(zipfile.ZipInfo("readme.txt"), b"hello")
    return buffer.getvalue()


@case("trailing-pickle-zip.pth", "refuse", "bytes follow the pickle")
def trailing_pickle():
    return zip_of(b"\x80\x02}.}.")


@case("lfs-pointer.pth", "refuse", "what Git leaves without LFS")
def lfs_pointer():
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 52429312\n"


@case("empty.pth", "refuse", "no bytes")
def empty():
    return b""


@case("page.pth", "refuse", "the web page that came instead of the file")
def page():
    return b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n"


@case("plain-pickle.pth", "refuse", "a pickle, but not one of torch's")
def plain_pickle():
    return pickle.dumps({"w": [1.0, 2.0]}, protocol=2)
