"""pyiceberg as one of the programs that share a catalog: does what the JSON on stdin asks for, in order."""

import datetime
import decimal
import json
import sys
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import CommitFailedException
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform

UTC = datetime.timezone.utc


def rows(first, count):
    """Rows with every type that both sides know; every seventh is NULL in its optional columns."""
    some = lambda i, value: None if i % 7 == 6 else value
    numbers = range(first, first + count)
    start = datetime.datetime(2026, 1, 1, 12, 30, 0, 123456)
    return pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "small": pa.array([some(i, i % 100) for i in numbers], pa.int32()),
            "name": pa.array([some(i, f"näme {i} '\"") for i in numbers], pa.string()),
            "region": pa.array(["north", "south", "a/b c"][i % 3] for i in numbers),
            "price": pa.array(
                [some(i, decimal.Decimal(i * 7 - 50) / 100) for i in numbers], pa.decimal128(10, 2)
            ),
            "ratio": pa.array([some(i, i / 3) for i in numbers], pa.float64()),
            "ok": pa.array([some(i, i % 2 == 0) for i in numbers], pa.bool_()),
            "day": pa.array(
                [datetime.date(2026, 1, 1) + datetime.timedelta(i % 40) for i in numbers], pa.date32()
            ),
            "ts": pa.array([start + datetime.timedelta(hours=i) for i in numbers], pa.timestamp("us")),
            "zoned": pa.array(
                [(start + datetime.timedelta(hours=i)).replace(tzinfo=UTC) for i in numbers],
                pa.timestamp("us", tz="UTC"),
            ),
            "bytes": pa.array([some(i, bytes([i % 256, 0, 255])) for i in numbers], pa.binary()),
            "tags": pa.array([some(i, ["x", str(i)]) for i in numbers], pa.list_(pa.string())),
        }
    )


def run(catalog, op):
    kind, name = op["op"], op.get("table")
    if kind == "create":
        namespace = name.rsplit(".", 1)[0]
        catalog.create_namespace_if_not_exists(namespace)
        data = rows(0, op["rows"])
        table = catalog.create_table(name, data.schema)
        if op.get("partitioned"):
            with table.update_spec() as spec:
                spec.add_field("day", DayTransform(), "day_day")
                spec.add_field("region", IdentityTransform(), "region_is")
                spec.add_field("id", BucketTransform(4), "id_bucket")
        table.append(data)
        pq.write_table(data, op["expected"])
        return table.metadata.current_snapshot_id
    table = catalog.load_table(name)
    if kind == "read":
        scan = table.scan(row_filter=op["filter"]) if "filter" in op else table.scan()
        if "snapshot" in op:
            scan = table.scan(snapshot_id=int(op["snapshot"]))
        found = scan.to_arrow()
        pq.write_table(found, op["to"])
        return found.num_rows
    if kind == "append":
        for i in range(op.get("times", 1)):
            data = rows(op["first"] + i, op["rows"])
            if "columns" in op:
                data = data.select(op["columns"])
            data = data.cast(table.schema().as_arrow()) if op.get("cast") else data
            while True:
                try:
                    table.append(data)
                    break
                except CommitFailedException:
                    table = catalog.load_table(name)
        return table.metadata.current_snapshot_id
    if kind == "delete":
        table.delete(op["filter"])
        return table.metadata.current_snapshot_id
    if kind == "rename_column":
        with table.update_schema() as change:
            change.rename_column(op["from"], op["to"])
        return len(table.metadata.schemas)
    if kind == "summary":
        return {
            "snapshots": len(table.metadata.snapshots),
            "log": len(table.metadata.metadata_log),
            "properties": dict(table.properties),
            "files": table.inspect.files().num_rows,
            "history": table.inspect.history().num_rows,
            "total": table.current_snapshot().summary["total-records"],
        }
    raise ValueError(kind)


request = json.load(sys.stdin)
catalog = load_catalog(request["name"], **request["properties"])
json.dump([run(catalog, op) for op in request["ops"]], sys.stdout)
