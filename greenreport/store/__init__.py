"""Append and read run records; exchange them as Parquet."""

from greenreport.store.exchange import Published, export_parquet, import_parquet, published
from greenreport.store.store import SCHEMA_VERSION, Store

__all__ = ["SCHEMA_VERSION", "Published", "Store", "export_parquet", "import_parquet", "published"]
