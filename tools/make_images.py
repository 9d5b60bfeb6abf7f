"""Draws the images of tests/fixtures/images, and writes what Pillow reads from them into expected.json.

    python3 tools/make_images.py        (Python 3.11, Pillow 12.3, NumPy 2.4)
"""
import base64
import io
import json
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

FOLDER = pathlib.Path(__file__).parent.parent / "tests" / "fixtures" / "images"
WIDTH, HEIGHT = 19, 13
files: dict[str, bytes] = {}


def picture() -> np.ndarray:
    """Gradients with a box and a line, so that edges and smooth parts are both there: [H, W, 4]."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    rgba = np.stack([x * 13, y * 19, (x + y) * 8, 255 - x * 12], axis=-1).astype(np.uint8)
    rgba[3:8, 5:11] = [255, 40, 0, 128]
    rgba[y == x] = [0, 0, 255, 0]
    return rgba


RGBA = Image.fromarray(picture())
RGB = RGBA.convert("RGB")


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[0x0112] = orientation
    return block


# JPEG

files["baseline.jpg"] = saved(RGB, "JPEG", quality=85)
files["halved_columns.jpg"] = saved(RGB, "JPEG", quality=85, subsampling="4:2:2")
files["full_colour.jpg"] = saved(RGB, "JPEG", quality=85, subsampling="4:4:4")
files["progressive.jpg"] = saved(RGB, "JPEG", quality=70, progressive=True)
files["restarts.jpg"] = saved(RGB, "JPEG", quality=85, restart_marker_blocks=1)
files["stored_rgb.jpg"] = saved(RGB, "JPEG", quality=85, keep_rgb=True)
files["grey.jpg"] = saved(RGB.convert("L"), "JPEG", quality=85)
for orientation in range(1, 9):
    files[f"orientation_{orientation}.jpg"] = saved(RGB, "JPEG", quality=40, exif=exif(orientation))

cmyk = saved(Image.merge("CMYK", RGBA.split()), "JPEG", quality=90)
adobe = cmyk.index(b"Adobe") - 4  # FF EE, length, Adobe, version, flags, transform
files["cmyk.jpg"] = cmyk
files["cmyk_progressive.jpg"] = saved(Image.merge("CMYK", RGBA.split()), "JPEG", quality=90, progressive=True)
files["cmyk_unmarked.jpg"] = cmyk[:adobe] + cmyk[adobe + 16 :]
files["ycck.jpg"] = cmyk[: adobe + 15] + b"\2" + cmyk[adobe + 16 :]

# PNG, by a writer of our own: Pillow's neither interlaces nor writes every depth


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def packed_row(samples: np.ndarray, depth: int) -> bytes:
    values = samples.reshape(-1)
    if depth == 16:
        return values.astype(">u2").tobytes()
    bits = (values[:, None] >> np.arange(depth)[::-1]) & 1
    return np.packbits(bits.astype(np.uint8)).tobytes()


def filtered(rows: list[bytes], distance: int) -> bytes:
    """Every filter in turn, from another one on in each pass."""
    out, above = bytearray(), bytes(len(rows[0]))
    for y, row in enumerate(rows):
        kind = (y + len(rows) + 1) % 5
        out.append(kind)
        for i, value in enumerate(row):
            left = row[i - distance] if i >= distance else 0
            corner = above[i - distance] if i >= distance else 0
            up = above[i]
            guess = left + up - corner
            paeth = min((left, up, corner), key=lambda near: abs(guess - near))
            out.append((value - [0, left, up, (left + up) // 2, paeth][kind]) & 255)
        above = row
    return bytes(out)


ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def png(samples: np.ndarray, *, depth: int, colour_type: int, interlaced=False, extra=b"") -> bytes:
    """Samples [H, W, channels]."""
    height, width, channels = samples.shape
    data = b""
    for x, y, step_x, step_y in ADAM7 if interlaced else [(0, 0, 1, 1)]:
        part = samples[y::step_y, x::step_x]
        if part.size:
            data += filtered([packed_row(row, depth) for row in part], max(1, channels * depth // 8))
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, interlaced)
    half = len(packed := zlib.compress(data, 9)) // 2
    pixels = chunk(b"IDAT", packed[:half]) + chunk(b"IDAT", packed[half:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + pixels + chunk(b"IEND", b"")


wide = picture().astype(np.uint16) * 257 - 77  # the low bytes are not the high ones
wide[0, :4] = [[0, 1, 200, 255], [256, 300, 254, 9], [7, 65535, 255, 128], [255, 0, 1, 65535]]
for name, colour_type, channels in [("rgb", 2, [0, 1, 2]), ("grey_alpha", 4, [1, 3]), ("rgb_alpha", 6, [0, 1, 2, 3])]:
    files[f"{name}_8.png"] = png(picture()[..., channels], depth=8, colour_type=colour_type)
    files[f"{name}_16.png"] = png(wide[..., channels], depth=16, colour_type=colour_type, interlaced=True)
    files[f"{name}_8_interlaced.png"] = png(picture()[..., channels], depth=8, colour_type=colour_type, interlaced=True)
for depth in [1, 2, 4, 8, 16]:
    grey = (wide[..., :1] >> (16 - depth)).astype(np.uint16)
    files[f"grey_{depth}.png"] = png(grey, depth=depth, colour_type=0)
    if depth < 16:
        colours = 2**depth - (depth > 1)  # the last number is not in the palette
        palette = bytes((i * 37 + channel * 91) % 256 for i in range(colours) for channel in range(3))
        extra = chunk(b"PLTE", palette) + chunk(b"tRNS", bytes([0, 128]))
        files[f"palette_{depth}.png"] = png(grey, depth=depth, colour_type=3, extra=extra)
        files[f"palette_{depth}_interlaced.png"] = png(grey, depth=depth, colour_type=3, extra=extra, interlaced=True)
files["orientation_6.png"] = saved(RGB, "PNG", exif=exif(6))
for width, height in [(1, 13), (3, 9), (4, 5), (19, 2)]:  # passes without a pixel
    part = picture()[:height, :width, :3]
    files[f"rgb_{width}x{height}_interlaced.png"] = png(part, depth=8, colour_type=2, interlaced=True)
files["one_pixel.png"] = png(picture()[:1, :1, :3], depth=8, colour_type=2, interlaced=True)

# WebP

files["lossy.webp"] = saved(RGB, "WEBP", quality=70)
files["lossless.webp"] = saved(RGB, "WEBP", lossless=True)
files["lossy_alpha.webp"] = saved(RGBA, "WEBP", quality=70, exact=True)
files["lossless_alpha.webp"] = saved(RGBA, "WEBP", lossless=True, exact=True)
files["orientation_8.webp"] = saved(RGB, "WEBP", quality=30, exif=exif(8))
files["animated.webp"] = saved(RGB, "WEBP", save_all=True, append_images=[RGB.rotate(180)])

# GIF: frames where Pillow's writer would not put them


def lzw(numbers: list[int], depth: int) -> bytes:
    """With clear codes so often that no code gets longer."""
    codes, size = [1 << depth], depth + 1
    for i, number in enumerate(numbers):
        codes += [number] if i % ((1 << depth) - 2) else [1 << depth, number]
    bits = "".join(format(code, f"0{size}b") for code in reversed(codes + [(1 << depth) + 1]))
    data = int(bits, 2).to_bytes(-(-len(bits) // 8), "little")
    blocks = b"".join(bytes([len(part)]) + part for part in (data[i : i + 255] for i in range(0, len(data), 255)))
    return bytes([depth]) + blocks + b"\0"


def gif(screen, frame, *, shared=b"", local=b"", transparent=None, interlaced=False) -> bytes:
    left, top, width, height = frame
    order = [0, 4, 2, 6, 1, 3, 5, 7] if interlaced else range(height)
    numbers = [(x + y) % 4 for y in order if y < height for x in range(width)]
    control = b"" if transparent is None else bytes([0x21, 0xF9, 4, 1, 0, 0, transparent, 0])
    comment = b"\x21\xfe\5hello\0"
    flags = (0x81 if local else 0) | (0x40 if interlaced else 0)
    return (
        b"GIF89a" + struct.pack("<HHBBB", *screen, 0x81 if shared else 0, 2, 0) + shared + comment + control
        + b"," + struct.pack("<HHHHB", left, top, width, height, flags) + local + lzw(numbers, 7) + b";"
    )


FIRST = bytes([1, 2, 3, 40, 50, 60, 70, 80, 90, 100, 110, 120])
SECOND = bytes([200, 10, 20, 5, 250, 30, 60, 70, 240, 8, 9, 10])
files["plain.gif"] = saved(RGB.quantize(64), "GIF")
files["animated.gif"] = saved(RGB.quantize(8), "GIF", save_all=True, append_images=[RGB.rotate(180).quantize(8)])
files["interlaced.gif"] = gif((5, 8), (0, 0, 5, 8), shared=FIRST, interlaced=True)
files["small_frame.gif"] = gif((6, 5), (2, 1, 3, 2), shared=FIRST, local=SECOND)
files["small_frame_transparent.gif"] = gif((6, 5), (2, 1, 3, 2), shared=FIRST, transparent=3)
files["frame_over_the_edge.gif"] = gif((3, 2), (2, 1, 4, 3), shared=FIRST)
files["no_palette.gif"] = gif((4, 3), (0, 0, 4, 3))

# What Pillow reads; four-channel JPEGs go through another decoder here, whose rounding differs

expected = {}
for name, content in files.items():
    (FOLDER / name).write_bytes(content)
    if name != "animated.webp":  # refused here
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
        rgb = base64.b64encode(image.tobytes()).decode()
        tolerance = 2 if name.startswith(("cmyk", "ycck")) else 0
        expected[name] = {"width": image.width, "height": image.height, "tolerance": tolerance, "rgb": rgb}
(FOLDER / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")
