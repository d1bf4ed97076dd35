"""The functions of ``tests/types.txt`` over a table, in one of the engines that Python brings.

    every_type.py ENGINE PLUGIN TABLE OUT LIBRARY NAME...

TABLE is an Arrow file with a column for each function NAME of the plugin; OUT becomes one with
what they give, in the order of the rows, failed rows being null. LIBRARY is libwudf.so, for the
engine ``c``. Exit status 77 means that the engine is not installed. For ``spark`` the environment
names the master, as ``host/python/tests/spark_cluster.py`` does.
"""

import ctypes
import os
import sys

import pyarrow as pa


def python(load, table, names, library):
    for name in names:
        yield load(name)(table[name])


def pandas(load, table, names, library):
    import pandas as pd

    for name in names:
        # As an engine's own types, and as pandas' where those are of pandas alone.
        column = pd.Series(table[name], dtype=pd.ArrowDtype(table[name].type))
        yield pa.array(load(name).pandas(column), from_pandas=True)


def polars(load, table, names, library):
    import polars as pl

    for name in names:
        frame = pl.DataFrame({name: pl.from_arrow(table[name])})
        given = frame.lazy().select(load(name).polars(name))
        yield given.collect().to_series().to_arrow()


def duckdb(load, table, names, library):
    import duckdb

    connection = duckdb.connect()
    connection.sql("SET TimeZone = 'UTC'")
    for name in names:
        given = table.select([name])  # noqa: F841 - DuckDB finds it by its name
        load(name).register(connection, f"f_{name}")
        query = f'SELECT f_{name}("{name}") AS v FROM given'
        yield connection.sql(query).to_arrow_table()["v"]


def spark(load, table, names, library):
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master(os.environ["MASTER"])
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    for name in names:
        # In one piece: Spark 4.3 loses the rows that come after an empty chunk of structs.
        column = table.select([name]).combine_chunks()
        column = column.append_column("row", pa.array(range(len(table))))
        frame = session.createDataFrame(for_spark(column)).repartition(2)
        if pa.types.is_timestamp(table[name].type) and table[name].type.tz is None:
            # It gives them all a time zone.
            frame = frame.withColumn(name, frame[name].cast("timestamp_ntz"))
        frame = frame.select("row", load(name).spark(name).alias("v"))
        yield frame.toArrow().sort_by("row")["v"]


def for_spark(table):
    """The table in the types that Spark takes."""

    def known(ty):
        if pa.types.is_unsigned_integer(ty):
            return pa.decimal128(20, 0) if ty == pa.uint64() else pa.int64()
        if pa.types.is_float16(ty):
            return pa.float32()
        if pa.types.is_fixed_size_binary(ty):
            return pa.binary()
        if pa.types.is_timestamp(ty):
            return pa.timestamp("us", ty.tz)
        if pa.types.is_duration(ty):
            return pa.duration("us")
        if pa.types.is_fixed_size_list(ty) or pa.types.is_large_list(ty):
            return pa.list_(known(ty.value_type))
        if pa.types.is_large_string(ty) or pa.types.is_string_view(ty):
            return pa.string()
        if pa.types.is_large_binary(ty):
            return pa.binary()
        return ty

    fields = [pa.field(field.name, known(field.type)) for field in table.schema]
    return table.cast(pa.schema(fields), safe=False)


class Schema(ctypes.Structure):
    _fields_ = [("space", ctypes.c_byte * 72)]


class Array(ctypes.Structure):
    _fields_ = [("space", ctypes.c_byte * 80)]


def c(load, table, names, library):
    """The C interface, called as a C program does."""
    wudf = ctypes.CDLL(library)
    pointer = ctypes.c_void_p
    for function, returns, arguments in [
        ("wudf_spec_new", pointer, [ctypes.c_char_p]),
        ("wudf_spec_set", pointer, [pointer, ctypes.c_char_p, ctypes.c_char_p]),
        ("wudf_open", pointer, [pointer, ctypes.POINTER(pointer)]),
        ("wudf_call", pointer, [pointer, ctypes.c_int64, ctypes.c_size_t] + [pointer] * 4),
        ("wudf_error_message", ctypes.c_char_p, [pointer]),
    ]:
        getattr(wudf, function).restype = returns
        getattr(wudf, function).argtypes = arguments

    def check(error):
        if error:
            raise RuntimeError(wudf.wudf_error_message(error).decode())

    for name in names:
        spec = wudf.wudf_spec_new(f"{load.plugin}:{name}".encode())
        check(wudf.wudf_spec_set(spec, b"on_error", b"null"))
        function = pointer()
        check(wudf.wudf_open(spec, ctypes.byref(function)))
        chunks = []
        for chunk in table[name].chunks:
            schema, array, values, kind = Schema(), Array(), Array(), Schema()
            chunk._export_to_c(ctypes.addressof(array), ctypes.addressof(schema))
            schemas = (pointer * 1)(ctypes.addressof(schema))
            arrays = (pointer * 1)(ctypes.addressof(array))
            error = wudf.wudf_call(
                function, len(chunk), 1, schemas, arrays, ctypes.byref(values), ctypes.byref(kind)
            )
            check(error)
            chunks.append(
                pa.Array._import_from_c(ctypes.addressof(values), ctypes.addressof(kind))
            )
        yield pa.chunked_array(chunks)


ENGINES = {engine.__name__: engine for engine in (python, pandas, polars, duckdb, spark, c)}


def main(engine, plugin, table, out, library, *names):
    def load(name):
        import wudf

        return wudf.load(plugin, name, on_error="null")

    load.plugin = plugin
    table = pa.ipc.open_file(pa.memory_map(table)).read_all()
    columns = {}
    try:
        results = ENGINES[engine](load, table, names, library)
        for name in names:
            columns[name] = next(results)
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(77)
    except Exception as error:
        raise RuntimeError(f"{engine}, {name}: {error}") from error
    columns = {
        name: column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
        for name, column in columns.items()
    }
    result = pa.table(columns)
    with pa.ipc.new_file(out, result.schema) as file:
        file.write_table(result.combine_chunks())


if __name__ == "__main__":
    main(*sys.argv[1:])
