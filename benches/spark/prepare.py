"""Fills a folder with what all contenders take: the same weights as torch and ONNX files, and pictures.

    python benches/spark/prepare.py FOLDER PHOTOS [NUMBER]

What is there already stays. The weights are untrained, which costs the same.
"""

import pathlib
import shutil
import sys


def weights(folder):
    if (folder / "resnet50.onnx").exists():
        return
    import torch
    import torchvision

    torch.manual_seed(0)
    model = torchvision.models.resnet50(weights=None).eval()
    torch.save(model.state_dict(), folder / "resnet50.pth")

    def export(name):
        torch.onnx.export(
            model,
            (torch.zeros(2, 3, 224, 224),),
            folder / name,
            input_names=["image"],
            dynamic_shapes={"x": {0: torch.export.Dim("batch")}},
            external_data=False,
            verbose=False,
        )

    classifier, model.fc = model.fc, torch.nn.Identity()
    export("features.onnx")
    model.fc = classifier
    # Last, for it says that all are there.
    export("resnet50.onnx.part")
    (folder / "resnet50.onnx.part").rename(folder / "resnet50.onnx")


def pictures(folder, photos, number):
    """Copies of the photographs, as many as asked for."""
    files = sorted(file for file in photos.glob("*") if file.suffix.lower() in (".jpg", ".jpeg"))
    if not files:
        sys.exit(f"no photographs (.jpg) in {photos}; name another folder with --photos")
    place = folder / f"pictures-{number}"
    if not place.exists():
        part = folder / f"pictures-{number}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for n in range(number):
            source = files[n % len(files)]
            shutil.copyfile(source, part / f"{n:05}_{source.name}")
        part.rename(place)
    return place


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1]).resolve()
    target.mkdir(parents=True, exist_ok=True)
    weights(target)
    pictures(target, pathlib.Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 124)
