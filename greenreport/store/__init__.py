"""Append and read run records; exchange them as Parquet."""

from greenreport.store.exchange import Published, export_parquet, import_parquet, published
from greenreport.store.merge import Merged, merge
from greenreport.store.reader import StoredAnswer
from greenreport.store.schema import SCHEMA_VERSION
from greenreport.store.store import Spooled, Store

__all__ = [
    "SCHEMA_VERSION",
    "Merged",
    "Published",
    "Spooled",
    "Store",
    "StoredAnswer",
    "export_parquet",
    "import_parquet",
    "merge",
    "published",
]
