"""What InfluxDB 2.x and 3 say at the wire, strictly by their published APIs, before a real 1.x that keeps the data.

No server of these versions can be had where the tests run. These stand in for them: whatever the API does not have is
refused as the API says it is, every request is recorded, and the next answers can be ordered (`next_answers`).
"""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

TOKEN = "a-secret-token"
ORG = "cable"
QUESTIONS = ("SELECT ", "SHOW FIELD KEYS", "SHOW TAG VALUES", "SHOW MEASUREMENTS")  # what /query of 2.x and 3 takes


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def lines(self) -> list[str]:
        body = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        return body.decode().splitlines()


@dataclass
class Reply:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Front:
    """`behind` is the 1.x server; each bucket or database is a database of its own there."""

    def __init__(self, behind: str, name: str) -> None:
        self.behind = httpx.Client(base_url=f"http://{behind}", timeout=60)
        self.name = name  # of the databases behind, so that tests do not share any
        self.requests: list[Request] = []
        self.next_answers: list[Reply] = []  # to writes
        self.guard = threading.Lock()

    def handle(self, request: Request) -> Reply:
        with self.guard:
            self.requests.append(request)
            if self.next_answers and "/write" in request.path:
                return self.next_answers.pop(0)
        return self.answer(request)

    def answer(self, request: Request) -> Reply:
        raise NotImplementedError

    def hidden(self, name: str) -> str:
        return f"{self.name}:{name.replace('/', ':')}"

    def make(self, name: str) -> None:
        self.behind.post("/query", data={"q": f'CREATE DATABASE "{self.hidden(name)}"'}).raise_for_status()

    def store(self, name: str, lines: list[str], precision: str) -> httpx.Response:
        body = "\n".join(lines).encode()
        return self.behind.post("/write", params={"db": self.hidden(name), "precision": precision}, content=body)

    def ask(self, request: Request, name: str) -> Reply:
        form = parse_qs(request.body.decode())
        text = form["q"][0]
        if not text.startswith(QUESTIONS):
            return Reply(200, {"results": [{"statement_id": 0, "error": f"not implemented: {text[:40]}"}]})
        told = self.behind.post(
            "/query", params={"db": self.hidden(name), "epoch": request.query["epoch"]}, data={"q": text}
        )
        return Reply(told.status_code, json.loads(told.content))


class Version2(Front):
    def __init__(self, behind: str, name: str) -> None:
        super().__init__(behind, name)
        self.buckets: dict[str, dict[str, Any]] = {}
        self.mapped: dict[tuple[str, str | None], str] = {}

    def answer(self, request: Request) -> Reply:
        if (request.method, request.path) == ("GET", "/ping"):
            return Reply(204, headers={"X-Influxdb-Build": "OSS", "X-Influxdb-Version": "v2.7.12"})
        if request.headers.get("authorization") != f"Token {TOKEN}":
            return Reply(401, {"code": "unauthorized", "message": "unauthorized access"})
        where = (request.method, request.path)
        if where == ("GET", "/api/v2/orgs"):
            return Reply(200, {"orgs": [{"id": "0a", "name": ORG}]})
        if request.path.startswith("/api/v2/buckets"):
            return self.bucket(request)
        if where == ("POST", "/api/v2/dbrps"):
            told = json.loads(request.body)
            (bucket,) = [b for b in self.buckets.values() if b["id"] == told["bucketID"]]
            self.mapped[told["database"], told["retention_policy"]] = bucket["name"]
            if told["default"]:
                self.mapped[told["database"], None] = bucket["name"]
            return Reply(201, {"id": "0c", **told, "orgID": "0a"})
        if where == ("POST", "/api/v2/write"):
            return self.write(request)
        if where == ("POST", "/api/v2/delete"):
            told = json.loads(request.body)
            measurement = told["predicate"].partition('"')[2].rstrip('"')
            statement = f"DELETE FROM {measurement} WHERE time >= '{told['start']}' AND time < '{told['stop']}'"
            self.behind.post("/query", params={"db": self.hidden(request.query["bucket"])}, data={"q": statement})
            return Reply(204)
        if where == ("POST", "/query"):
            bucket = self.mapped.get((request.query["db"], request.query.get("rp")))
            if bucket is None:
                return Reply(404, {"code": "not found", "message": "database not found: no dbrp mapping"})
            return self.ask(request, bucket)
        return Reply(404, {"code": "not found", "message": "path not found"})

    def bucket(self, request: Request) -> Reply:
        if request.method == "GET":
            name = request.query["name"]
            if name not in self.buckets:
                return Reply(404, {"code": "not found", "message": f'bucket "{name}" not found'})
            return Reply(200, {"buckets": [self.buckets[name]]})
        told = json.loads(request.body)
        if request.method == "PATCH":
            self.buckets[told["name"]]["retentionRules"] = told["retentionRules"]
            return Reply(200, self.buckets[told["name"]])
        if told["name"] in self.buckets or told["orgID"] != "0a":
            return Reply(422, {"code": "conflict", "message": f"bucket with name {told['name']} already exists"})
        made = {
            "id": f"0b{len(self.buckets)}",
            "name": told["name"],
            "orgID": "0a",
            "retentionRules": told["retentionRules"],
        }
        self.buckets[told["name"]] = made
        self.make(told["name"])
        return Reply(201, made)

    def write(self, request: Request) -> Reply:
        if request.query.get("org") != ORG:
            return Reply(
                404, {"code": "not found", "message": f'organization name "{request.query.get("org")}" not found'}
            )
        if request.query.get("bucket") not in self.buckets:
            return Reply(404, {"code": "not found", "message": f'bucket "{request.query.get("bucket")}" not found'})
        if request.query.get("precision") not in ("ns", "us", "ms", "s"):
            return Reply(
                400, {"code": "invalid", "message": "invalid precision; valid precision units are ns, us, ms, and s"}
            )
        if not request.headers.get("content-type", "").startswith("text/plain"):
            return Reply(415, {"code": "invalid", "message": "unsupported media type"})
        told = self.store(request.query["bucket"], request.lines, request.query["precision"].replace("us", "u"))
        if told.status_code == 204:
            return Reply(204)
        why = told.json()["error"]
        if "partial write" in why:
            return Reply(422, {"code": "unprocessable entity", "message": f"failure writing points to database: {why}"})
        return Reply(400, {"code": "invalid", "message": why})


class Version3(Front):
    def __init__(self, behind: str, name: str) -> None:
        super().__init__(behind, name)
        self.databases: dict[str, str | None] = {}

    def answer(self, request: Request) -> Reply:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401, {"error": "the request was not authenticated"})
        where = (request.method, request.path)
        if where == ("GET", "/ping"):
            told = {"version": "3.4.2", "revision": "0a1b2c", "process_id": "1"}
            return Reply(200, told, {"x-influxdb-build": "Core", "x-influxdb-version": "3.4.2"})
        if where == ("POST", "/api/v3/configure/database"):
            told = json.loads(request.body)
            if told["db"] in self.databases:
                return Reply(409, {"error": "attempted to create a resource that already exists"})
            self.databases[told["db"]] = told.get("retention_period")
            self.make(told["db"])
            return Reply(200)
        if where == ("POST", "/api/v3/write_lp"):
            return self.write(request)
        if where == ("POST", "/query"):
            name = request.query["db"] + (f"/{request.query['rp']}" if "rp" in request.query else "")
            if name not in self.databases:
                return Reply(404, {"error": f"database not found: {name}"})
            return self.ask(request, name)
        return Reply(404, {"error": "not found"})

    def write(self, request: Request) -> Reply:
        precision = {"nanosecond": "ns", "microsecond": "u", "millisecond": "ms", "second": "s"}
        if request.query.get("precision") not in precision:
            return Reply(400, {"error": "serde error: unknown variant"})
        unit = precision[request.query["precision"]]
        if request.query["db"] not in self.databases:
            self.databases[request.query["db"]] = None
            self.make(request.query["db"])
        if self.store(request.query["db"], request.lines, unit).status_code == 204:
            return Reply(204)
        bad = []
        for number, line in enumerate(request.lines, start=1):
            told = self.store(request.query["db"], [line], unit)
            if told.status_code != 204:
                bad.append({"original_line": line, "line_number": number, "error_message": told.json()["error"]})
        return Reply(400, {"error": "partial write of line protocol occurred", "data": bad})


@contextmanager
def fronting(kind: type[Front], behind: str, name: str) -> Iterator[tuple[str, Any]]:
    """Serve on loopback; HOST:PORT and the front."""
    front = kind(behind, name)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def serve(self) -> None:
            parts = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
            headers = {k.lower(): v for k, v in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            reply = front.handle(Request(self.command, parts.path, query, headers, body))
            content = b"" if reply.body is None else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = serve  # noqa: N815 - named by the library

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}", front
    finally:
        server.shutdown()
        server.server_close()
        front.behind.close()
