#!/usr/bin/env python3
"""Writes reference.json: what torchvision, transformers, timm, Pillow and imagehash make of the pictures of `tests/pictures` (of
the repository), and of photographs that are not in it.

    pip install -r requirements.txt
    python make.py --photos FOLDER    # the photographs' digests too; without it, those that reference.json has stay
    python make.py --check            # writes nothing; fails where reference.json says otherwise

A case has the options of the plugin, and the file that the option `preprocessor` names where it has one. Digests are the first
12 hexadecimal digits of SHA-256 over the tensor, little-endian, in the order of `pictures` and of `photos`.
"""

import argparse
import hashlib
import io
import json
import pathlib
import sys

import imagehash
import numpy
import PIL
import timm
import torch
import torchvision
import transformers
from PIL import Image, ImageOps
from timm.data import create_transform, resolve_data_config
from torchvision import transforms
from torchvision.transforms import InterpolationMode

FOLDER = pathlib.Path(__file__).resolve().parent
PICTURES = FOLDER.parents[4] / "tests" / "pictures"
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
CLIP = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
HALF = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
IMAGENET = {"image_mean": MEAN, "image_std": STD}

CASES = {}


def case(name, options, make, config=None):
    said = {"options": options} if config is None else {"options": options | {"preprocessor": "file"}, "file": config}
    CASES[name] = (said, make)


def by_torchvision(weights):
    # Of a PIL image, by its "PIL" backend.
    return lambda picture: weights.transforms()(picture).numpy()


def by_transformers(name, config):
    processor = getattr(transformers, name + "Pil")(**config)
    return lambda picture: processor(picture, return_tensors="np")["pixel_values"][0]


def by_timm(config):
    transform = create_transform(**resolve_data_config({}, pretrained_cfg=config))
    return lambda picture: transform(picture).numpy()


def normalised(picture, mean=MEAN, std=STD):
    return transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean, std)])(picture).numpy()


# Presets, with the files of the models that they are named after.
weights = torchvision.models.ResNet50_Weights
case("imagenet-v1", {"preset": "imagenet-v1"}, by_torchvision(weights.IMAGENET1K_V1))
case("imagenet-v2", {"preset": "imagenet-v2"}, by_torchvision(weights.IMAGENET1K_V2))
FILES = {
    # openai/clip-vit-base-patch32
    "clip": ("CLIPImageProcessor", {"do_resize": True, "size": {"shortest_edge": 224}, "resample": 3, "do_center_crop": True,
                                    "crop_size": {"height": 224, "width": 224}, "do_rescale": True,
                                    "rescale_factor": 0.00392156862745098, "do_normalize": True, **CLIP}),
    # google/siglip-base-patch16-224
    "siglip": ("SiglipImageProcessor", {"do_resize": True, "size": {"height": 224, "width": 224}, "resample": 3,
                                        "do_rescale": True, "rescale_factor": 0.00392156862745098, "do_normalize": True,
                                        **HALF}),
    # facebook/dinov2-base
    "dinov2": ("BitImageProcessor", {"do_resize": True, "size": {"shortest_edge": 256}, "resample": 3, "do_center_crop": True,
                                     "crop_size": {"height": 224, "width": 224}, "do_rescale": True,
                                     "rescale_factor": 0.00392156862745098, "do_normalize": True, **IMAGENET}),
    # google/vit-base-patch16-224
    "vit": ("ViTImageProcessor", {"do_resize": True, "size": {"height": 224, "width": 224}, "resample": 2, "do_rescale": True,
                                  "rescale_factor": 0.00392156862745098, "do_normalize": True, **HALF}),
}
for name, (kind, config) in FILES.items():
    make = by_transformers(kind, config)
    case(name, {"preset": name}, make)
    case(f"{name}, by its file", {}, make, {"image_processor_type": kind, **config})

# Other files, and those that leave everything to the class.
for title, kind, config in [
    ("clip 97 of 131", "CLIPImageProcessor", {"size": {"shortest_edge": 131}, "crop_size": {"height": 97, "width": 97}}),
    ("clip padded", "CLIPImageProcessor", {"size": {"shortest_edge": 64}, "crop_size": {"height": 101, "width": 90}}),
    ("siglip 384", "SiglipImageProcessor", {"size": {"height": 384, "width": 384}}),
    ("not normalised", "CLIPImageProcessor", {"do_normalize": False}),
    ("not rescaled", "ViTImageProcessor", {"do_rescale": False, "image_mean": [120, 110, 100], "image_std": [50, 60, 70]}),
    ("convnext 224", "ConvNextImageProcessor", {"size": {"shortest_edge": 224}, "crop_pct": 0.875}),
    ("convnext 384", "ConvNextImageProcessor", {"size": {"shortest_edge": 384}}),
    *((f"{kind}'s defaults", f"{kind}ImageProcessor", {})
      for kind in ["Bit", "Blip", "CLIP", "ConvNext", "DeiT", "Siglip", "ViT"]),
]:
    case(title, {}, by_transformers(kind, config), {"image_processor_type": kind, **config})

# timm's files: `pretrained_cfg` of config.json.
for title, config in {
    "timm resnet50.a1_in1k": {"input_size": [3, 224, 224], "crop_pct": 0.95, "crop_mode": "center",
                              "interpolation": "bicubic", "mean": MEAN, "std": STD},
    "timm vit_base_patch16_224.augreg": {"input_size": [3, 224, 224], "crop_pct": 0.9, "crop_mode": "center",
                                         "interpolation": "bicubic", "mean": [0.5] * 3, "std": [0.5] * 3},
    "timm squash": {"input_size": [3, 160, 96], "crop_pct": 0.9, "crop_mode": "squash", "interpolation": "bilinear"},
    "timm's defaults": {"input_size": [3, 128, 128]},
}.items():
    case(title, {}, by_timm({k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}),
         {"pretrained_cfg": config})


# Single options.
def grey(picture):
    picture = transforms.Resize(256)(picture.convert("L"))
    return transforms.ToTensor()(transforms.CenterCrop(224)(picture)).numpy()


def padded(picture):
    picture = ImageOps.pad(picture, (160, 120), Image.Resampling.BILINEAR, (114, 20, 200))
    return normalised(picture)


def scaled(picture):
    return transforms.CenterCrop(224)(transforms.Resize(256)(picture))


case("pad", {"fit": "pad", "crop": [120, 160], "pad_color": [114, 20, 200]}, padded)
case("squash", {"fit": "squash", "crop": [120, 160]},
     lambda picture: normalised(transforms.Resize((120, 160))(picture)))
case("squash and crop", {"fit": "squash", "resize": [150, 131], "crop": 101, "interpolation": "lanczos"},
     lambda picture: normalised(transforms.CenterCrop(101)(
         transforms.Resize((150, 131), InterpolationMode.LANCZOS)(picture))))
case("grey", {"channels": "gray"}, grey)
case("bgr", {"channels": "bgr", "mean": [0.406, 0.456, 0.485], "std": [0.225, 0.224, 0.229]},
     lambda picture: normalised(scaled(picture))[::-1])
case("nhwc", {"layout": "nhwc"}, lambda picture: normalised(scaled(picture)).transpose(1, 2, 0))
case("u8 nhwc", {"element": "u8", "layout": "nhwc"}, lambda picture: numpy.asarray(scaled(picture)))
case("f16", {"element": "f16"}, lambda picture: normalised(scaled(picture)).astype("<f2"))
case("rescale", {"rescale": 1 / 127.5, "mean": 1, "std": 1},
     lambda picture: (numpy.asarray(scaled(picture)).astype("<f8") * (1 / 127.5)).astype("<f4").transpose(2, 0, 1)
     - numpy.float32(1))


def thumbnail(picture, size, **how):
    picture = picture.copy()
    picture.thumbnail(size, Image.Resampling.BICUBIC, reducing_gap=None)
    file = io.BytesIO()
    picture.save(file, **how)
    return picture, file.getvalue()


def sha256(data):
    return hashlib.sha256(data).hexdigest()[:12]


# By function and options: a text for each picture.
OTHERS = {
    ("image_hash", '{"kind": "phash"}'): lambda picture: str(imagehash.phash(picture)),
    ("image_hash", '{"kind": "phash", "size": 5}'): lambda picture: str(imagehash.phash(picture, hash_size=5)),
    ("image_hash", '{"kind": "dhash"}'): lambda picture: str(imagehash.dhash(picture)),
    ("image_hash", '{"kind": "average"}'): lambda picture: str(imagehash.average_hash(picture)),
    # The file itself, and of a PNG its pixels.
    ("image_thumbnail", "{}"): lambda picture: sha256(thumbnail(picture, (128, 128), format="JPEG")[1]),
    ("image_thumbnail", '{"size": [33, 64], "quality": 90}'):
        lambda picture: sha256(thumbnail(picture, (64, 33), format="JPEG", quality=90)[1]),
    ("image_thumbnail", '{"size": 50, "format": "png"}'):
        lambda picture: sha256(thumbnail(picture, (50, 50), format="PNG")[0].tobytes()),
}


def tensor(make, picture):
    values = numpy.ascontiguousarray(make(picture))
    if values.dtype not in ("uint8", "float16"):
        assert values.dtype == "float32", values.dtype
        values = values.astype("<f4")
    return sha256(values.tobytes())


def rgb(data):
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    # Transparency, which transformers would put on white, and comments, which Pillow would save.
    picture.info = {}
    return picture


def results(files):
    pictures = [rgb(data) for data in files.values()]
    cases = {name: " ".join(tensor(make, picture) for picture in pictures) for name, (_, make) in CASES.items()}
    others = {" ".join(key): " ".join(make(picture) for picture in pictures) for key, make in OTHERS.items()}
    return cases, others


def folder(path):
    kinds = (".jpg", ".png", ".gif", ".webp", ".bmp", ".tif")
    return {file.name: file.read_bytes() for file in sorted(path.iterdir()) if file.suffix in kinds}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=pathlib.Path, help="a folder of photographs")
    parser.add_argument("--check", action="store_true", help="write nothing; compare with reference.json")
    arguments = parser.parse_args()
    place = FOLDER / "reference.json"
    then = json.loads(place.read_text()) if place.exists() else {}
    torch.set_num_threads(1)

    parts = {"pictures": folder(PICTURES)}
    if arguments.photos:
        parts["photos"] = folder(arguments.photos)
    found = {part: results(files) for part, files in parts.items()}

    def digests(kind, name):
        known = then.get(("cases", "others")[kind], {}).get(name, {})
        old = {part: known[part] for part in ("pictures", "photos") if part in known}
        return old | {part: both[kind][name] for part, both in found.items()}

    now = {
        "made_with": {
            module.__name__: module.__version__
            for module in [PIL, numpy, torch, torchvision, transformers, timm, imagehash]
        },
        "pictures": list(parts["pictures"]),
        "photos": list(parts.get("photos", then.get("photos", []))),
        "cases": {name: said | digests(0, name) for name, (said, _) in CASES.items()},
        "others": {" ".join(key): {"function": key[0], "options": json.loads(key[1])} | digests(1, " ".join(key))
                   for key in OTHERS},
    }
    if arguments.check:
        wrong = [name for part in ("cases", "others") for name in now[part] if now[part][name] != then[part].get(name)]
        sys.exit(f"reference.json has others of: {', '.join(wrong)}" if wrong else 0)
    text = json.dumps(now, indent=1)
    place.write_text(text + "\n")


if __name__ == "__main__":
    main()
