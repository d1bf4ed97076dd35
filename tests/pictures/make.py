#!/usr/bin/env python3
"""Draws the pictures of this folder and writes reference.json: what Pillow and torchvision make of each.

    pip install -r requirements.txt
    python make.py            # draws the pictures again and writes reference.json
    python make.py --check    # draws nothing; fails where the files no longer give what reference.json says

reference.json holds for each file the digest of its pixels (`rgb_sha256`, of `Image.open(file).convert("RGB")`), and for each
recipe the options of the plugin image-features and the digests of the tensors (f32, little-endian, CHW). Digests are SHA-256.
"""

import argparse
import hashlib
import io
import json
import pathlib
import sys

import numpy
import PIL
import torch
import torchvision
from PIL import ExifTags, Image, ImageDraw, ImageOps
from torchvision import transforms

FOLDER = pathlib.Path(__file__).resolve().parent
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]

# The options that differ from the defaults. Bilinear is the default; each other interpolation is here twice: most pictures are
# enlarged by the first size and all but the tiniest are reduced by the second.
RECIPES = {
    "default": {},
    "resize-232": {"resize": 232},
    "crop-odd": {"resize": 131, "crop": 96},
    "crop-padded": {"resize": 64, "crop": 101},
    "normalise-half": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
    "exif-orientation": {"exif_orientation": True},
} | {
    f"{name}-{resize}": {"interpolation": name, "resize": resize, "crop": crop}
    for name in ["nearest", "box", "hamming", "bicubic", "lanczos"]
    for resize, crop in [(150, 120), (24, 20)]
}


def scene(width, height, detail=True):
    """Slopes of colour, discs, text-like bars and, with `detail`, a fine pattern that no codec finds easy."""
    y, x = numpy.mgrid[0:height, 0:width]
    red = x * 255 // max(width - 1, 1)
    green = y * 255 // max(height - 1, 1)
    blue = (x + y) * 255 // max(width + height - 2, 1)
    if detail:
        # Only in one quarter: files stay small.
        quarter = (x > width // 2) & (y > height // 2)
        blue = numpy.where(quarter, (x * 37 + y * y * 11) % 256, blue)
    picture = Image.fromarray(numpy.stack([red, green, blue], axis=2).astype(numpy.uint8))
    draw = ImageDraw.Draw(picture)
    shapes(draw, width, height, ["#e63312", "#f4d35e", "#083d77", "#ffffff", "#000000"])
    return picture


def flat(width, height):
    """Few colours in large areas, for formats without a strong compression."""
    picture = Image.new("RGB", (width, height), "#9bc53d")
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, height), (width, height), (width, height // 3)], fill="#5bc0eb")
    shapes(draw, width, height, ["#e63312", "#f4d35e", "#083d77", "#ffffff", "#000000"])
    return picture


def shapes(draw, width, height, colours):
    side = min(width, height)
    draw.ellipse([side // 8, side // 8, side // 2, side // 2], fill=colours[0])
    draw.ellipse([side // 4, side // 4, side // 3, side // 3], fill=colours[1])
    draw.rectangle([width * 5 // 8, height // 8, width * 7 // 8, height * 3 // 8], fill=colours[2])
    for bar in range(4):
        top = height * (10 + bar) // 15
        draw.line([width // 10, top, width * (5 - bar % 2) // 10, top], fill=colours[3 + bar % 2])


def alpha(width, height):
    """A mask with all values, corners transparent."""
    y, x = numpy.mgrid[0:height, 0:width]
    return Image.fromarray(((x * 3 + y * 5) % 256).astype(numpy.uint8))


def with_alpha(picture):
    picture = picture.copy()
    picture.putalpha(alpha(*picture.size))
    return picture


def grey16(width, height, low=False):
    y, x = numpy.mgrid[0:height, 0:width]
    values = (x * 5 + y * y * 3) % 256 if low else (x * 701 + y * y * 307) % 65536
    return Image.fromarray(values.astype(numpy.uint16))


def floats(width, height):
    """Values with fractions, and some below 0 and above 255: they are clipped."""
    y, x = numpy.mgrid[0:height, 0:width]
    return Image.fromarray((x * 6.3 - y * 1.7 + 0.5).astype(numpy.float32))


def orientation(value):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = value
    return exif


def xmp(value):
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{value}"/></rdf:RDF></x:xmpmeta>'
    ).encode()


def pictures():
    """Name, picture and how Pillow is to save it."""
    # Larger than the default `resize`, so that it scales down.
    yield "jpeg-large.jpg", scene(533, 400, detail=False), {"quality": 60}
    yield "jpeg-progressive.jpg", scene(300, 402, detail=False), {"quality": 50, "progressive": True}
    yield "jpeg-tall.jpg", scene(130, 301, detail=False), {"quality": 60}
    yield "jpeg-wide.jpg", scene(321, 97, detail=False), {"quality": 60}
    yield "gif.gif", flat(300, 270).quantize(16), {}
    yield "png-palette.png", flat(290, 340).quantize(16), {}
    yield "tiff-1bit-g4.tif", flat(400, 300).convert("1", dither=Image.Dither.NONE), {"compression": "group4"}
    yield "webp-lossy.webp", scene(400, 310, detail=False), {"quality": 50}

    yield "jpeg-420-odd.jpg", scene(91, 67), {"quality": 80, "subsampling": "4:2:0"}
    yield "jpeg-422.jpg", scene(71, 60), {"quality": 80, "subsampling": "4:2:2"}
    yield "jpeg-progressive-444.jpg", scene(61, 75), {"quality": 80, "subsampling": "4:4:4", "progressive": True}
    yield "jpeg-q100-444.jpg", scene(50, 44), {"quality": 100, "subsampling": "4:4:4"}
    yield "jpeg-q5.jpg", scene(90, 75), {"quality": 5}
    yield "jpeg-cmyk.jpg", scene(64, 48).convert("CMYK"), {"quality": 80}
    yield "jpeg-grey.jpg", scene(75, 58).convert("L"), {"quality": 80}
    yield "jpeg-grey-progressive.jpg", scene(63, 81).convert("L"), {"quality": 80, "progressive": True}
    yield "jpeg-keep-rgb.jpg", scene(60, 46), {"quality": 80, "keep_rgb": True}
    yield "jpeg-optimized.jpg", scene(75, 58), {"quality": 80, "optimize": True}
    yield "jpeg-restart.jpg", scene(80, 60), {"quality": 80, "restart_marker_blocks": 2}
    yield "jpeg-tiny.jpg", scene(31, 17), {"quality": 80}
    # The names say what undoes the orientation.
    yield "jpeg-exif-rotate90.jpg", scene(75, 58), {"quality": 80, "exif": orientation(6)}
    yield "jpeg-exif-transpose.jpg", scene(66, 50), {"quality": 80, "exif": orientation(5)}
    yield "jpeg-xmp-rotate180.jpg", scene(66, 50), {"quality": 80, "xmp": xmp(3)}
    yield "png-exif-mirror.png", scene(70, 52), {"exif": orientation(2)}
    yield "webp-exif-rotate270.webp", scene(58, 43), {"quality": 60, "exif": orientation(8)}
    # Pillow turns a TIFF whether it is asked to or not.
    yield "tiff-transverse.tif", flat(60, 44), {"compression": "tiff_lzw", "tiffinfo": {274: 7}}

    yield "png-1bit.png", scene(75, 60).convert("1"), {}
    yield "png-grey.png", scene(63, 81).convert("L"), {}
    yield "png-grey-alpha.png", with_alpha(scene(64, 48).convert("L")), {}
    yield "png-grey16.png", grey16(60, 46), {}
    yield "png-grey16-low.png", grey16(60, 46, low=True), {}
    yield "png-palette-transparent.png", scene(60, 46).quantize(200), {"transparency": 3}
    yield "png-rgb.png", scene(60, 46), {}
    yield "png-rgba.png", with_alpha(scene(50, 66)), {}

    frames = [flat(60, 45), flat(60, 45).rotate(90), flat(60, 45).rotate(180)]
    yield "gif-animated.gif", frames[0], {"save_all": True, "append_images": frames[1:], "duration": 100}
    yield "gif-transparent.gif", scene(60, 46).quantize(64), {"transparency": 5}

    yield "webp-animated.webp", frames[0], {"save_all": True, "append_images": frames[1:], "quality": 60}
    yield "webp-lossless.webp", scene(60, 46), {"lossless": True}
    yield "webp-lossless-alpha.webp", with_alpha(scene(60, 46)), {"lossless": True}
    yield "webp-lossy-alpha.webp", with_alpha(scene(64, 48)), {"quality": 50}

    yield "bmp-1bit.bmp", flat(75, 60).convert("1"), {}
    yield "bmp-grey.bmp", scene(51, 41).convert("L"), {}
    yield "bmp-palette.bmp", scene(50, 67).quantize(256), {}
    yield "bmp-rgb.bmp", scene(43, 33), {}
    yield "bmp-rgba.bmp", with_alpha(scene(43, 33)), {}

    yield "tiff-16.tif", grey16(45, 34), {}
    yield "tiff-16-big-endian.tif", Image.frombytes("I;16B", (45, 34), grey16(45, 34).tobytes()), {}
    yield "tiff-cmyk.tif", scene(40, 30).convert("CMYK"), {}
    yield "tiff-deflate.tif", scene(64, 48), {"compression": "tiff_adobe_deflate"}
    yield "tiff-float.tif", floats(40, 30), {}
    yield "tiff-grey.tif", scene(50, 67).convert("L"), {}
    yield "tiff-lzw.tif", flat(70, 51), {"compression": "tiff_lzw"}
    yield "tiff-packbits.tif", flat(60, 46), {"compression": "packbits"}
    yield "tiff-palette.tif", scene(45, 35).quantize(256), {}
    yield "tiff-rgb.tif", scene(43, 33), {}
    yield "tiff-rgba.tif", with_alpha(scene(40, 30)), {}


def tensor(data, options):
    picture = Image.open(io.BytesIO(data))
    if options.get("exif_orientation"):
        picture = ImageOps.exif_transpose(picture)
    interpolation = transforms.InterpolationMode(options.get("interpolation", "bilinear"))
    recipe = transforms.Compose(
        [
            transforms.Resize(options.get("resize", 256), interpolation=interpolation),
            transforms.CenterCrop(options.get("crop", 224)),
            transforms.ToTensor(),
            transforms.Normalize(options.get("mean", MEAN), options.get("std", STD)),
        ]
    )
    return recipe(picture.convert("RGB")).numpy().astype("<f4").tobytes()


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def reference():
    files = sorted(path for path in FOLDER.iterdir() if path.suffix.lstrip(".") in ("jpg", "png", "gif", "webp", "bmp", "tif"))
    files = {path.name: path.read_bytes() for path in files}
    facts = {}
    for name, data in files.items():
        picture = Image.open(io.BytesIO(data))
        facts[name] = {
            "format": picture.format,
            "mode": picture.mode,
            "width": picture.width,
            "height": picture.height,
            "rgb_sha256": sha256(picture.convert("RGB").tobytes()),
        }
    recipes = {
        title: {
            "options": options,
            "tensor_sha256": {name: sha256(tensor(data, options)) for name, data in files.items()},
        }
        for title, options in RECIPES.items()
    }
    return {
        "made_with": {
            "pillow": PIL.__version__,
            "torchvision": torchvision.__version__,
            "torch": torch.__version__,
            "numpy": numpy.__version__,
        },
        "files": facts,
        "recipes": recipes,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="draw and write nothing; compare with reference.json")
    check = parser.parse_args().check
    place = FOLDER / "reference.json"
    if check:
        now, then = reference(), json.loads(place.read_text())
        wrong = [part for part in ("files", "recipes") if now[part] != then[part]]
        sys.exit(f"these parts of reference.json differ: {', '.join(wrong)}" if wrong else 0)
    for name, picture, how in pictures():
        picture.save(FOLDER / name, **how)
    place.write_text(json.dumps(reference(), indent=1) + "\n")


if __name__ == "__main__":
    main()
