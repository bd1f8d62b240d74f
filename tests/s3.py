"""As much of S3 as DVC asks for, in memory, on loopback."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_MODIFIED = "Wed, 25 Nov 2026 19:00:00 GMT"
_ENTRY = "<Contents><Key>{}</Key><LastModified>2026-11-25T19:00:00Z</LastModified><Size>{}</Size></Contents>"


@contextmanager
def bucket() -> Iterator[tuple[str, dict[str, bytes]]]:
    """The address of the endpoint, and what is in its buckets by key."""
    objects: dict[str, bytes] = {}

    class Bucket(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            objects[self.key] = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.answer(200, b"", ETag=_etag(objects[self.key]))

        def do_GET(self) -> None:
            if self.key and self.key not in objects:
                self.answer(404, b"")
            elif self.key:
                content = objects[self.key]
                self.answer(200, content, ETag=_etag(content), **{"Last-Modified": _MODIFIED})
            else:
                self.answer(200, self.listing().encode())

        do_HEAD = do_GET

        @property
        def key(self) -> str:
            return unquote(urlsplit(self.path).path).lstrip("/").partition("/")[2]

        def listing(self) -> str:
            query = parse_qs(urlsplit(self.path).query)
            prefix, delimiter = query.get("prefix", [""])[0], query.get("delimiter", [""])[0]
            entries = []
            for key, content in sorted(objects.items()):
                below, deeper, _ = key.removeprefix(prefix).partition(delimiter or "\0")
                if key.startswith(prefix):
                    folder = f"<CommonPrefixes><Prefix>{escape(prefix + below)}/</Prefix></CommonPrefixes>"
                    entries.append(folder if deeper else _ENTRY.format(escape(key), len(content)))
            listed = "".join(dict.fromkeys(entries))
            return f"<ListBucketResult><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>"

        def answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Bucket) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", objects
        server.shutdown()


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content).hexdigest()}"'
