"""Makes tests/fixtures/goldens/image: resizes by Pillow, pixels by the image processors of transformers.

    python3 tools/make_image_goldens.py             (Pillow 12.3, NumPy 2.4, safetensors, transformers 5.18)
    python3 tools/make_image_goldens.py PHOTOS      hashes of what becomes of the JPEG photos in a folder instead
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from safetensors.numpy import save_file
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"
FOLDER = FIXTURES / "goldens" / "image"
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
tensors, seeds = {}, iter(range(71000, 72000))


def draws(seed, count):
    """Outputs of mulberry32 as integers of 32 bits."""
    mask = np.uint64(0xFFFFFFFF)
    a = (np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x6D2B79F5)) & mask
    t = ((a ^ (a >> np.uint64(15))) * (a | np.uint64(1))) & mask
    t = ((t + (((t ^ (t >> np.uint64(7))) * (t | np.uint64(61))) & mask)) & mask) ^ t
    return (t ^ (t >> np.uint64(14))).astype(np.uint32)


def picture(seed, height, width):
    """Gradients under noise, with a box."""
    y, x = np.mgrid[0:height, 0:width]
    gradients = [x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1), (x + y) * 255 // max(height + width - 2, 1)]
    noise = draws(seed, height * width * 3).reshape(height, width, 3) >> 24
    image = ((3 * np.stack(gradients, axis=-1) + noise) // 4).astype(np.uint8)
    image[height // 4 : height // 2, width // 3 : width // 2] = [255, 0, 128]
    return image


def drawn(name, height, width):
    """A new picture: its fields in the document, and its pixels."""
    seed = next(seeds)
    image = picture(seed, height, width)
    if name:
        tensors[f"{name}.input"] = image
    return {"input_hw": [height, width], "input_generator_seed": seed}, image


def processed(processor, image):
    return processor(images=Image.fromarray(image), return_tensors="np")["pixel_values"][0].astype(np.float32)


def clip(size, filter):
    return CLIPImageProcessorPil(
        size={"shortest_edge": size}, crop_size={"height": size, "width": size}, resample=FILTERS[filter]
    )


def siglip(size, filter):
    return SiglipImageProcessorPil(size={"height": size, "width": size}, resample=FILTERS[filter])


def photo(name, pixels, rows):
    tensors[f"{name}.real.pixel_values_rows"] = np.ascontiguousarray(pixels[:, rows])
    values = pixels.astype(np.float64)
    sums = {"sum": values.sum(), "abs_sum": np.abs(values).sum(), "sq_sum": (values**2).sum()}
    return {"n": values.size, **sums, "min": values.min(), "max": values.max()}


def make():
    document = {"resize": [], "clip": [], "siglip": []}
    for index, (size, to) in enumerate([((1, 1), (5, 7)), ((3, 97), (24, 24)), ((41, 29), (13, 50)), ((90, 2), (1, 1))]):
        fields, image = drawn(f"resize.{index}", *size)
        for name, filter in FILTERS.items():
            resized = Image.fromarray(image).resize((to[1], to[0]), filter)
            tensors[f"resize.{index}.{name}"] = np.array(resized)
        document["resize"].append({"index": index, **fields, "output_hw": to, "filters": list(FILTERS)})

    means = {"mean": CLIPImageProcessorPil().image_mean, "std": CLIPImageProcessorPil().image_std}
    for index, (size, edge, filter) in enumerate([((23, 61), 17, "bicubic"), ((80, 1), 12, "bilinear")]):
        fields, image = drawn(f"clip.{index}", *size)
        tensors[f"clip.{index}.pixel_values"] = processed(clip(edge, filter), image)
        document["clip"].append({"index": index, **fields, "size": edge, **means, "filter": filter})
    for index, (size, edge) in enumerate([((5, 90), 20), ((31, 17), 24)]):
        fields, image = drawn(f"siglip.{index}", *size)
        for filter in ["bilinear", "bicubic"]:
            tensors[f"siglip.{index}.pixel_values_{filter}"] = processed(siglip(edge, filter), image)
        more = {"size": edge, "mean": 0.5, "std": 0.5, "filters": ["bilinear", "bicubic"]}
        document["siglip"].append({"index": index, **fields, **more})

    fields, image = drawn("", 351, 262)
    tensors["clip.real.rows"] = rows = np.array([0, 60, 111, 160, 223], dtype=np.int32)
    stats = photo("clip", processed(clip(224, "bicubic"), image), rows)
    digest = hashlib.sha256(image.tobytes()).hexdigest()
    document["clip_real"] = {**fields, "input_sha256": digest, "size": 224, "stats": stats}
    stats = photo("siglip", processed(siglip(256, "bilinear"), image), rows)
    document["siglip_real"] = {"size": 256, "filter": "bilinear", "stats": stats}

    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "preprocess.json").write_text(json.dumps(document, indent=2) + "\n")
    save_file(tensors, FOLDER / "preprocess.safetensors")


def hash_photos(folder):
    def sha256(pixels):
        return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()

    hashes = {}
    for path in sorted(folder.rglob("*.jpg")):
        rgb = np.array(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
        hashes[str(path.relative_to(folder))] = {
            "rgb": sha256(rgb),
            "clip": sha256(processed(clip(224, "bicubic"), rgb)),
            "siglip": sha256(processed(siglip(256, "bilinear"), rgb)),
        }
    text = json.dumps(hashes, indent=2, ensure_ascii=False)
    (FIXTURES / "images" / "photos.json").write_text(text + "\n")


if len(sys.argv) > 1:
    hash_photos(Path(sys.argv[1]))
else:
    make()
