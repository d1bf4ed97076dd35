"""Pictures to ResNet-50 features in Spark: first the way that fails, then with wudf.

    python spark_images.py --photos FOLDER --out FOLDER [--model resnet50.onnx] [--master spark://HOST:PORT]

Without --master it runs on this machine; on a cluster, photos, model and output are on paths that all machines share.
`pip install 'wudf[spark,onnxruntime]'` is all that it needs, on the driver and on the workers. --model is the plain file that
`torch.onnx.export` makes of torchvision's ResNet-50; without it the weights are made from a seed, and the features mean nothing.
"""

import argparse
import io
import os

from pyspark.sql import SparkSession
from pyspark.sql.functions import size, udf
from pyspark.sql.types import ArrayType, FloatType

import wudf

try:
    from PIL import Image
except ImportError:
    Image = None  # which only the class that fails would need


class FeatureExtractor:
    """The class that many write first, with all that the job needs in one place: the session, and the model."""

    def __init__(self, spark):
        self.spark = spark
        self.model, self.recipe = torchvision_resnet50()

    def extract(self, content):
        picture = Image.open(io.BytesIO(content)).convert("RGB")
        return self.model(self.recipe(picture).unsqueeze(0))[0].tolist()

    def transform(self, pictures):
        # A method: all of self goes to the workers with it, the model and the session.
        extract = udf(self.extract, ArrayType(FloatType()))
        return pictures.withColumn("features", extract("content"))


def torchvision_resnet50():
    """The network and its transform; nothing where torchvision is not installed, for Spark refuses before it is asked."""
    try:
        import torch
        from torchvision import models, transforms
    except ImportError:
        return None, None
    model = models.resnet50(weights=None)
    model.fc = torch.nn.Identity()
    normalize = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    steps = [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), normalize]
    return model.eval(), transforms.Compose(steps)


def the_way_that_fails(spark, pictures):
    try:
        FeatureExtractor(spark).transform(pictures).show()
    except Exception as error:
        if "CONTEXT_ONLY_VALID_ON_DRIVER" not in str(error):
            raise
        return str(error)
    raise SystemExit("the class that holds a SparkSession was sent to the workers, which Spark does not allow")


def with_wudf(pictures, model, out):
    embed = wudf.load("image-features", models={"resnet50": model}, options={"layer": "features"})
    pictures = pictures.withColumn("features", embed.spark("content"))
    pictures.select("path", "features").write.mode("overwrite").parquet(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--master", default=os.environ.get("MASTER", "local[2]"), help="where Spark runs")
    parser.add_argument("--photos", required=True, help="a folder of pictures")
    parser.add_argument("--model", default="seeded:resnet50", help="ResNet-50 as an ONNX file")
    parser.add_argument("--out", required=True, help="the folder of Parquet files to write")
    arguments = parser.parse_args()

    spark = SparkSession.builder.appName("spark_images").master(arguments.master).getOrCreate()
    pictures = spark.read.format("binaryFile").load(os.path.abspath(arguments.photos))
    out = os.path.abspath(arguments.out)

    print("1. A class that holds a SparkSession and a network, and a udf of its method:")
    print("  ", the_way_that_fails(spark, pictures))

    print("2. The same with wudf:")
    with_wudf(pictures, arguments.model, out)
    written = spark.read.parquet(out)
    lengths = [row.length for row in written.select(size("features").alias("length")).distinct().collect()]
    print(f"   {written.count()} pictures, features of {lengths[0] if len(lengths) == 1 else lengths}, in {out}")
    if arguments.model.startswith("seeded:"):
        print("   The weights are untrained: --model names a real network.")
    spark.stop()


if __name__ == "__main__":
    main()
