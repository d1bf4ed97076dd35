"""The same job written three ways: bytes of pictures in, ResNet-50's 2,048 features out.

Each takes a Spark session and the folder that prepare.py has filled, and gives a function from column to column. They are what
one would write with care: models in evaluation mode and on one thread, nothing loaded for each row.
"""

import functools
import io
from collections.abc import Iterator

import numpy as np
import pandas as pd
from PIL import Image
from pyspark.sql.functions import col, pandas_udf, udf
from pyspark.sql.types import ArrayType, FloatType

FEATURES = ArrayType(FloatType())


def torch_udf(spark, models):
    """A torch model in a broadcast variable, and a udf that takes it row by row."""
    import torch
    import torchvision
    from torchvision import transforms

    model = torchvision.models.resnet50(weights=None)
    model.load_state_dict(torch.load(models / "resnet50.pth", weights_only=True))
    model.fc = torch.nn.Identity()
    broadcast = spark.sparkContext.broadcast(model.eval())
    recipe = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )

    @udf(FEATURES)
    def features(content):
        torch.set_num_threads(1)
        picture = recipe(Image.open(io.BytesIO(content)).convert("RGB"))
        with torch.inference_mode():
            return broadcast.value(picture.unsqueeze(0))[0].tolist()

    return lambda column: features(col(column))


def resize_and_crop(content):
    """torchvision's recipe by Pillow and numpy: no torch in the workers, which saves them its memory."""
    image = Image.open(io.BytesIO(content)).convert("RGB")
    width, height = image.size
    if width <= height:
        size = 256, int(256 * height / width)
    else:
        size = int(256 * width / height), 256
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - 224) / 2), round((size[1] - 224) / 2)
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32)
    pixels /= np.float32(255)
    pixels -= np.array([0.485, 0.456, 0.406], np.float32)
    pixels /= np.array([0.229, 0.224, 0.225], np.float32)
    return pixels.transpose(2, 0, 1)


def session(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def pandas_onnxruntime(spark, models, load=session, rows=32):
    """An iterator pandas_udf as Spark's documentation has it: the model is loaded, then the batches come."""
    path = str(models / "features.onnx")

    @pandas_udf(FEATURES)
    def features(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        model = load(path)
        for batch in batches:
            vectors = []
            for start in range(0, len(batch), rows):
                pictures = [resize_and_crop(content) for content in batch[start : start + rows]]
                vectors.extend(model.run(None, {"image": np.stack(pictures)})[0])
            yield pd.Series(vectors)

    return lambda column: features(col(column))


def pandas_kept(spark, models):
    """The same by someone who knows Spark's workers well: the session outlives the task, which needs a module of its own (a
    function of the notebook would lose it), and pictures go through the model one at a time, which needs less memory.
    """
    return pandas_onnxruntime(spark, models, load=kept, rows=1)


@functools.cache
def kept(path):
    return session(path)


def wudf_spark(spark, models, backend="onnxruntime", settings=""):
    """wudf."""
    import wudf

    embed = wudf.load(
        "image-features",
        function="image_features",
        models={"resnet50": f"{models / 'resnet50.onnx'}{settings}"},
        options={"layer": "features"},
        backend=backend,
    )
    return embed.spark


def wudf_bf16(spark, models):
    """wudf, the model in bf16, for processors that have it."""
    return wudf_spark(spark, models, backend="openvino", settings=",precision=bf16")


CONTENDERS = {"torch": torch_udf, "pandas": pandas_onnxruntime, "kept": pandas_kept, "wudf": wudf_spark, "bf16": wudf_bf16}
