"""Functions of a plugin over one table, in one of the engines that Python brings.

    engines.py ENGINE PLUGIN TABLE BACKEND [--job FUNCTION OUT [NAME=SOURCE...]]...

TABLE is a Parquet file with the columns ``row`` and ``content``; each OUT becomes one with the
column ``vector``, in the order of the rows. stdout has a line for each job: the digest of the
plugin that ran. Exit status 77 means that the engine is not installed.
``tests/tests/engines/same`` compares what they give. For ``spark`` the environment names
the master, as ``host/python/tests/spark_cluster.py`` does.
"""

import os
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import wudf


def python(function, path):
    return function(pq.read_table(path).sort_by("row")["content"])


def pandas(function, path):
    series = pq.read_table(path).sort_by("row")["content"].to_pandas()
    return series.pipe(function.pandas).to_list()


def polars(function, path):
    import polars as pl

    frame = pl.scan_parquet(path).sort("row").select(vector=function.polars("content"))
    return frame.collect()["vector"].to_arrow()


def duckdb(function, path):
    import duckdb

    connection = duckdb.connect()
    function.register(connection, "f")
    query = "SELECT f(content) AS vector FROM read_parquet(?) ORDER BY row"
    return connection.sql(query, params=[path]).to_arrow_table()["vector"]


def spark(function, path):
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master(os.environ["MASTER"]).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    # In parts, so that each worker has some.
    frame = session.read.parquet(path).repartition(4)
    rows = frame.select("row", function.spark("content").alias("vector")).collect()
    return [row["vector"] for row in sorted(rows, key=lambda row: row["row"])]


ENGINES = {engine.__name__: engine for engine in (python, pandas, polars, duckdb, spark)}


def jobs(words):
    """What follows each ``--job``."""
    found = []
    for word in words:
        if word == "--job":
            found.append([])
        else:
            found[-1].append(word)
    return found


def main(engine, plugin, table, backend, *words):
    lists = pa.list_(pa.float32())
    for function, out, *models in jobs(words):
        models = dict(model.split("=", 1) for model in models)
        opened = wudf.load(plugin, function, models=models, backend=backend)
        try:
            vectors = ENGINES[engine](opened, table)
        except ImportError as error:
            print(error, file=sys.stderr)
            sys.exit(77)
        if isinstance(vectors, list):
            vectors = pa.array(vectors, lists)
        pq.write_table(pa.table({"vector": vectors.cast(lists)}), out)
        print(opened.digest)


if __name__ == "__main__":
    main(*sys.argv[1:])
