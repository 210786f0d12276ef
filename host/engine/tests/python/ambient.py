"""Looks for whatever a function should not find. The test reads what it found in the summary's message."""

import json
import os
import random
import sys
import time

from wit_world import exports
from wit_world.imports.types import Manifest, Summary


class About(exports.About):
    def describe(self) -> Manifest:
        return Manifest("python-ambient", "1.0.0", "Looks around.", "For tests.", [], [], [], '{"type": "object"}')


def attempt(what):
    try:
        return repr(what())
    except BaseException as error:
        return type(error).__name__


def connect():
    import socket

    return socket.create_connection(("127.0.0.1", 80), timeout=1)


class Job(exports.Job):
    def run(self, params: str) -> Summary:
        if json.loads(params).get("raise"):
            print("about to raise", flush=True)
            raise ValueError("no such luck")
        print("to standard output", flush=True)
        print("to standard error", file=sys.stderr, flush=True)
        started = time.monotonic()
        found = {
            "environment": dict(os.environ),
            "arguments": sys.argv[1:],
            "wall clock": [time.time(), time.time()],
            "monotonic clock stands": time.monotonic() == started,
            "random": [random.SystemRandom().random(), os.urandom(8).hex()],
            "root": attempt(lambda: os.listdir("/")),
            "secret": attempt(lambda: open("/etc/passwd").read()),
            "write": attempt(lambda: open("/tmp/x", "w")),
            "network": attempt(connect),
            "process": attempt(lambda: os.system("true")),
        }
        return Summary(json.dumps(found), [])
