"""The process on a host: ``python -m greenreport.cluster.worker``, started by the coordinator and ended with its pipes."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Serve the coordinator at the other end of standard input and output."""
    for stop in (signal.SIGTERM, signal.SIGHUP):  # of a batch system: the run in progress is discarded
        signal.signal(stop, signal.default_int_handler)
    from greenreport.cluster.host_channel import HostChannel

    try:
        channel = HostChannel()
        from greenreport.cluster.host_session import serve

        serve(channel)
    except KeyboardInterrupt:
        sys.stderr.flush()
        os._exit(0 if sys.is_finalizing() else 130)  # the thread that reads would wait for its deadline
    os._exit(0)


if __name__ == "__main__":
    main()
