"""A Hub on this machine: enough of its protocol for huggingface_hub and datasets, with people, rights and accidents.

Files live in memory. Small text is kept as git keeps it, everything else as a large file with the basic LFS transfer.
Accidents are switched on by a test: a connection that breaks after some bytes, an answer in place of the right one.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub_store import Blob, LocalHub, Repo, is_large

DATE = "2026-01-01T00:00:00.000Z"


class _RefusedError(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: LocalHub

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""

    def handle_request(self) -> None:
        address = urlsplit(self.path)
        self.query = {key: values[-1] for key, values in parse_qs(address.query).items()}
        path = unquote(address.path)
        with self.hub.lock:
            self.hub.requests.append((self.command, path))
            breaking = next((left for part, left in self.hub.breaks.items() if part in path and left), None)
            if breaking is not None and self.command == "PUT":
                self.rfile.read(breaking.pop(0))
                self.close_connection = True
                self.connection.close()
                return
            body = self.read_body()
            try:
                for part, statuses in self.hub.answers.items():
                    if part in path and statuses:
                        raise _RefusedError(statuses.pop(0), message=f"sorry, {self.headers.get('Authorization')}")
                self.route(path, body)
            except _RefusedError as refusal:
                headers = {"X-Error-Code": refusal.code, "X-Error-Message": refusal.message}
                self.answer(refusal.status, {"error": refusal.message}, headers)

    do_GET = do_HEAD = do_POST = do_PUT = handle_request  # noqa: N815

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def answer(self, status: int, value: Any = None, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self.begin(status, {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})})
        if self.command != "HEAD":
            self.wfile.write(data)

    def begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def user(self) -> str | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.hub.tokens:
            raise _RefusedError(401, message="Invalid credentials in Authorization header")
        return self.hub.tokens.get(token)

    def writer(self, namespace: str | None = None) -> str:
        user = self.user()
        if user is None:
            raise _RefusedError(401, message="Invalid username or password.")
        if self.headers["Authorization"].removeprefix("Bearer ") in self.hub.readers or namespace not in (None, user):
            raise _RefusedError(403, message=f"You don't have the rights under the namespace {namespace!r}")
        return user

    def repo(self, name: str) -> Repo:
        repo, user = self.hub.repos.get(name), self.user()
        if repo is None or (repo.private and name.split("/")[0] != user):
            raise _RefusedError(404 if user else 401, "RepoNotFound", "Repository not found")
        return repo

    def revision(self, repo: Repo, name: str) -> tuple[str, str, dict[str, Blob]]:
        commit = repo.at(name)
        if commit is None:
            raise _RefusedError(404, "RevisionNotFound", f"Invalid rev id: {name}")
        return commit

    def route(self, path: str, body: bytes) -> None:
        routes: list[tuple[str, Any]] = [
            (r"/api/whoami-v2", self.who_am_i),
            (r"/api/validate-yaml", self.validate_yaml),
            (r"/api/repos/create", self.create),
            (r"/large/(\w+)", self.transfer_large),
            (r"/datasets/([^/]+/[^/]+)\.git/info/lfs/objects/batch", self.plan_large),
            (r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.resolve),
            (r"/api/datasets/([^/]+/[^/]+)/auth-check", self.auth_check),
            (r"/api/datasets/([^/]+/[^/]+)/preupload/([^/]+)", self.preupload),
            (r"/api/datasets/([^/]+/[^/]+)/commit/([^/]+)", self.commit),
            (r"/api/datasets/([^/]+/[^/]+)/tree/([^/]+)/?(.*)", self.tree),
            (r"/api/datasets/([^/]+/[^/]+)/paths-info/([^/]+)", self.paths_info),
            (r"/api/datasets/([^/]+/[^/]+)(?:/revision/([^/]+))?", self.info),
        ]
        for pattern, handle in routes:
            if match := re.fullmatch(pattern, path):
                handle(body, *match.groups())
                return
        raise _RefusedError(404, message=f"no route {self.command} {path}")

    def who_am_i(self, body: bytes) -> None:
        if (user := self.user()) is None:
            raise _RefusedError(401, message="Invalid username or password.")
        self.answer(200, {"type": "user", "name": user, "auth": {"type": "access_token"}})

    def validate_yaml(self, body: bytes) -> None:
        header = json.loads(body)["content"].split("---")[1]
        self.answer(200, {"errors": [] if "configs:" in header else ["no configs"], "warnings": []})

    def create(self, body: bytes) -> None:
        asked = json.loads(body)
        user = self.user()
        namespace = asked.get("organization") or user
        name = f"{namespace}/{asked['name']}"
        url = f"{self.hub.url}/datasets/{name}"
        if name in self.hub.repos:
            self.answer(409, {"error": "You already created this dataset repo", "url": url})
            return
        self.writer(namespace)
        repo = Repo(name, private=asked.get("visibility") == "private" or bool(asked.get("private")))
        repo.commit("initial commit", {".gitattributes": Blob(b"*.zip filter=lfs\n", large=False)})
        self.hub.repos[name] = repo
        self.answer(200, {"url": url, "name": name, "id": "1"})

    def plan_large(self, body: bytes, name: str) -> None:
        self.writer(name.split("/")[0])
        objects = json.loads(body)["objects"]
        for item in objects:
            if item["oid"] not in self.hub.large:
                item["actions"] = {"upload": {"href": f"{self.hub.url}/large/{item['oid']}", "header": {}}}
        self.answer(200, {"transfer": "basic", "objects": objects})

    def transfer_large(self, body: bytes, oid: str) -> None:
        if hashlib.sha256(body).hexdigest() != oid:
            raise _RefusedError(400, message="checksum mismatch")
        self.hub.large[oid] = body
        self.hub.uploaded.append(oid)
        self.answer(200, {})

    def preupload(self, body: bytes, name: str, revision: str) -> None:
        self.writer(name.split("/")[0])
        commit, _, there = self.revision(self.repo(name), revision)
        files = []
        for file in json.loads(body)["files"]:
            known = there[file["path"]].id if file["path"] in there else None
            mode = "lfs" if is_large(file["path"], file["size"]) else "regular"
            files.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": known})
        self.answer(200, {"files": files, "commitOid": commit})

    def commit(self, body: bytes, name: str, revision: str) -> None:
        self.writer(name.split("/")[0])
        repo = self.repo(name)
        head, _, files = self.revision(repo, revision)
        files, message = dict(files), ""
        for line in filter(None, body.splitlines()):
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                message = value["summary"]
                if value.get("parentCommit") not in (None, head):
                    raise _RefusedError(412, message="A commit has happened since. Please refresh and try again.")
            elif item["key"] == "file":
                files[value["path"]] = Blob(base64.b64decode(value["content"]), large=False)
            elif item["key"] == "lfsFile":
                files[value["path"]] = Blob(self.hub.large[value["oid"]], large=True)
            elif item["key"] == "deletedFile":
                del files[value["path"]]
        made = repo.commit(message, files)
        url = f"{self.hub.url}/datasets/{name}/commit/{made}"
        self.answer(200, {"success": True, "commitOid": made, "commitUrl": url, "hookOutput": ""})

    def auth_check(self, body: bytes, name: str) -> None:
        if self.repo(name).gated:
            raise _RefusedError(403, "GatedRepo", "Access to this dataset is restricted")
        self.answer(200, {})

    def info(self, body: bytes, name: str, revision: str | None) -> None:
        repo = self.repo(name)
        commit, _, files = self.revision(repo, revision or "main")
        siblings = []
        for path, blob in sorted(files.items()):
            entry: dict[str, Any] = {"rfilename": path}
            if "blobs" in self.query:
                entry |= {"size": len(blob.data), "blobId": blob.git_id}
                entry |= (
                    {"lfs": {"sha256": blob.sha256, "size": len(blob.data), "pointerSize": 130}} if blob.large else {}
                )
            siblings.append(entry)
        about = {"private": repo.private, "gated": False, "disabled": False, "lastModified": DATE, "createdAt": DATE}
        about |= {"tags": [], "downloads": 0, "likes": 0, "cardData": {}, "siblings": siblings}
        self.answer(200, {"_id": "1", "id": name, "author": name.split("/")[0], "sha": commit, **about})

    def entry(self, path: str, blob: Blob, commit: tuple[str, str, dict[str, Blob]]) -> dict[str, Any]:
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(blob.data), "oid": blob.git_id}
        if blob.large:
            entry["lfs"] = {"oid": blob.sha256, "size": len(blob.data), "pointerSize": 130}
        return entry | {"lastCommit": {"id": commit[0], "title": commit[1], "date": DATE}}

    def tree(self, body: bytes, name: str, revision: str, folder: str) -> None:
        commit = self.revision(self.repo(name), revision)
        prefix = f"{folder}/" if folder else ""
        recursive = self.query.get("recursive", "").lower() in {"true", "1"}
        found, folders = [], set()
        for path, blob in sorted(commit[2].items()):
            names = path.removeprefix(prefix).split("/")
            if not path.startswith(prefix):
                continue
            if len(names) > 1:
                folders.update(prefix + "/".join(names[: end + 1]) for end in range(len(names) - 1 if recursive else 1))
            if recursive or len(names) == 1:
                found.append(self.entry(path, blob, commit))
        found += [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} for path in sorted(folders)]
        if folder and not found:
            raise _RefusedError(404, "EntryNotFound", f"{folder} does not exist")
        self.answer(200, found)

    def paths_info(self, body: bytes, name: str, revision: str) -> None:
        commit = self.revision(self.repo(name), revision)
        asked = json.loads(body) if body.startswith(b"{") else parse_qs(body.decode())
        self.answer(200, [self.entry(path, commit[2][path], commit) for path in asked["paths"] if path in commit[2]])

    def resolve(self, body: bytes, name: str, revision: str, path: str) -> None:
        repo = self.repo(name)
        commit = self.revision(repo, revision)
        if repo.gated:
            raise _RefusedError(403, "GatedRepo", "Access to this dataset is restricted")
        blob = commit[2].get(path)
        if blob is None:
            raise _RefusedError(404, "EntryNotFound", "Entry not found")
        data, status = blob.data, 200
        headers = {"ETag": f'"{blob.id}"', "X-Repo-Commit": commit[0], "Accept-Ranges": "bytes"}
        if blob.large:
            headers |= {"X-Linked-Etag": f'"{blob.id}"', "X-Linked-Size": str(len(data))}
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(match[1]), min(int(match[2] or len(data) - 1), len(data) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            data, status = data[first : last + 1], 206
        self.begin(status, headers | {"Content-Type": "application/octet-stream", "Content-Length": str(len(data))})
        if self.command == "HEAD":
            return
        breaking = next((left for part, left in self.hub.breaks.items() if part in path and left), None)
        if breaking is not None:
            data = data[: breaking.pop(0)]
            self.close_connection = True
            if self.hub.after_break:
                self.hub.after_break()
        self.hub.sent += len(data)
        self.wfile.write(data)


@contextmanager
def serve() -> Iterator[LocalHub]:
    """Runs a Hub on a free port of the loopback interface."""
    hub = LocalHub("", {})

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Says nothing where the client went away or the connection was broken on purpose."""
            if not isinstance(sys.exc_info()[1], (ConnectionError, ValueError)):
                raise

    server = Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
