"""greenreport's own model server with the fake engine, started by hand as an outside program: ``python our_server.py --port N``."""

from __future__ import annotations

import argparse
import socket
from concurrent.futures import ThreadPoolExecutor

import uvicorn

from greenreport.engines.base import EngineJob
from greenreport.engines.fake import Fake
from greenreport.execute.model_server import make_app
from greenreport.study import Configuration

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True, help="0: a free one, which is printed")
    parser.add_argument("--model", default="one")
    options = parser.parse_args()
    engine = Fake(EngineJob(Configuration(engine="fake", options={"token_s": 0.001}), threads=1))
    engine.load()
    app = make_app(engine, options.model, ThreadPoolExecutor(1))
    listener = socket.create_server(("127.0.0.1", options.port))
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])
