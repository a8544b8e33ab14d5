"""greenreport's own model server with the fake engine, started by hand as an outside program: ``python our_server.py PORT MODEL``."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import uvicorn

from greenreport.engines.base import EngineJob
from greenreport.engines.fake import Fake
from greenreport.execute.server import make_app
from greenreport.study import Configuration

if __name__ == "__main__":
    engine = Fake(EngineJob(Configuration(engine="fake", options={"token_s": 0.001}), threads=1))
    engine.load()
    app = make_app(engine, sys.argv[2], ThreadPoolExecutor(1))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
