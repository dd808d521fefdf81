"""What the Hub answers to a request: as much of its protocol as huggingface_hub and datasets need."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qs

from tests.support.hub_store import Blob, LocalHub, Repo, is_large

DATE = "2026-01-01T00:00:00.000Z"

Commit = tuple[str, str, dict[str, Blob]]


@dataclass
class Answer:
    """What goes back; `is_file` marks contents of a file, whose transfer may break."""

    status: int
    data: bytes
    headers: dict[str, str] = field(default_factory=dict)
    is_file: bool = False


def in_json(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"} | headers)


class RefusedError(Exception):
    """A request that the Hub turns down."""

    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message)
        headers = {"X-Error-Code": code, "X-Error-Message": message}
        self.answer = in_json({"error": message}, status, **headers)


@dataclass
class Request:
    """One request, and the person behind it."""

    hub: LocalHub
    query: Mapping[str, str]
    headers: Message[str, str]
    body: bytes

    def user(self) -> str | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.hub.tokens:
            raise RefusedError(401, message="Invalid credentials in Authorization header")
        return self.hub.tokens.get(token)

    def writer(self, namespace: str | None = None) -> str:
        user = self.user()
        if user is None:
            raise RefusedError(401, message="Invalid username or password.")
        if self.headers["Authorization"].removeprefix("Bearer ") in self.hub.readers or namespace not in (None, user):
            raise RefusedError(403, message=f"You don't have the rights under the namespace {namespace!r}")
        return user

    def repo(self, name: str) -> Repo:
        repo, user = self.hub.repos.get(name), self.user()
        if repo is None or (repo.private and name.split("/")[0] != user):
            raise RefusedError(404 if user else 401, "RepoNotFound", "Repository not found")
        return repo

    def revision(self, repo: Repo, name: str) -> Commit:
        commit = repo.at(name)
        if commit is None:
            raise RefusedError(404, "RevisionNotFound", f"Invalid rev id: {name}")
        return commit

    def answer(self, path: str) -> Answer:
        """What goes back.

        Raises:
            RefusedError: The request is turned down.
        """
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
                answer: Answer = handle(*match.groups())
                return answer
        raise RefusedError(404, message=f"no route {path}")

    def who_am_i(self) -> Answer:
        if (user := self.user()) is None:
            raise RefusedError(401, message="Invalid username or password.")
        return in_json({"type": "user", "name": user, "auth": {"type": "access_token"}})

    def validate_yaml(self) -> Answer:
        header = json.loads(self.body)["content"].split("---")[1]
        return in_json({"errors": [] if "configs:" in header else ["no configs"], "warnings": []})

    def create(self) -> Answer:
        asked = json.loads(self.body)
        user = self.user()
        namespace = asked.get("organization") or user
        name = f"{namespace}/{asked['name']}"
        url = f"{self.hub.url}/datasets/{name}"
        if name in self.hub.repos:
            return in_json({"error": "You already created this dataset repo", "url": url}, 409)
        self.writer(namespace)
        repo = Repo(name, private=asked.get("visibility") == "private" or bool(asked.get("private")))
        repo.commit("initial commit", {".gitattributes": Blob(b"*.zip filter=lfs\n", large=False)})
        self.hub.repos[name] = repo
        return in_json({"url": url, "name": name, "id": "1"})

    def plan_large(self, name: str) -> Answer:
        self.writer(name.split("/")[0])
        objects = json.loads(self.body)["objects"]
        for item in objects:
            if item["oid"] not in self.hub.large:
                item["actions"] = {"upload": {"href": f"{self.hub.url}/large/{item['oid']}", "header": {}}}
        return in_json({"transfer": "basic", "objects": objects})

    def transfer_large(self, oid: str) -> Answer:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise RefusedError(400, message="checksum mismatch")
        self.hub.large[oid] = self.body
        self.hub.uploaded.append(oid)
        return in_json({})

    def preupload(self, name: str, revision: str) -> Answer:
        self.writer(name.split("/")[0])
        commit, _, there = self.revision(self.repo(name), revision)
        files = []
        for file in json.loads(self.body)["files"]:
            known = there[file["path"]].id if file["path"] in there else None
            mode = "lfs" if is_large(file["path"], file["size"]) else "regular"
            files.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": known})
        return in_json({"files": files, "commitOid": commit})

    def commit(self, name: str, revision: str) -> Answer:
        self.writer(name.split("/")[0])
        repo = self.repo(name)
        head, _, files = self.revision(repo, revision)
        files, message = dict(files), ""
        for line in filter(None, self.body.splitlines()):
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                message = value["summary"]
                if value.get("parentCommit") not in (None, head):
                    raise RefusedError(412, message="A commit has happened since. Please refresh and try again.")
            elif item["key"] == "file":
                files[value["path"]] = Blob(base64.b64decode(value["content"]), large=False)
            elif item["key"] == "lfsFile":
                files[value["path"]] = Blob(self.hub.large[value["oid"]], large=True)
            elif item["key"] == "deletedFile":
                del files[value["path"]]
        made = repo.commit(message, files)
        url = f"{self.hub.url}/datasets/{name}/commit/{made}"
        return in_json({"success": True, "commitOid": made, "commitUrl": url, "hookOutput": ""})

    def auth_check(self, name: str) -> Answer:
        if self.repo(name).gated:
            raise RefusedError(403, "GatedRepo", "Access to this dataset is restricted")
        return in_json({})

    def info(self, name: str, revision: str | None) -> Answer:
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
        return in_json({"_id": "1", "id": name, "author": name.split("/")[0], "sha": commit, **about})

    def entry(self, path: str, blob: Blob, commit: Commit) -> dict[str, Any]:
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(blob.data), "oid": blob.git_id}
        if blob.large:
            entry["lfs"] = {"oid": blob.sha256, "size": len(blob.data), "pointerSize": 130}
        return entry | {"lastCommit": {"id": commit[0], "title": commit[1], "date": DATE}}

    def tree(self, name: str, revision: str, folder: str) -> Answer:
        commit = self.revision(self.repo(name), revision)
        prefix = f"{folder}/" if folder else ""
        recursive = self.query.get("recursive", "").lower() in {"true", "1"}
        found: list[dict[str, Any]] = []
        folders: set[str] = set()
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
            raise RefusedError(404, "EntryNotFound", f"{folder} does not exist")
        return in_json(found)

    def paths_info(self, name: str, revision: str) -> Answer:
        commit = self.revision(self.repo(name), revision)
        asked = json.loads(self.body) if self.body.startswith(b"{") else parse_qs(self.body.decode())
        return in_json([self.entry(path, commit[2][path], commit) for path in asked["paths"] if path in commit[2]])

    def resolve(self, name: str, revision: str, path: str) -> Answer:
        repo = self.repo(name)
        commit = self.revision(repo, revision)
        if repo.gated:
            raise RefusedError(403, "GatedRepo", "Access to this dataset is restricted")
        blob = commit[2].get(path)
        if blob is None:
            raise RefusedError(404, "EntryNotFound", "Entry not found")
        data, status = blob.data, 200
        headers = {"ETag": f'"{blob.id}"', "X-Repo-Commit": commit[0], "Accept-Ranges": "bytes"}
        if blob.large:
            headers |= {"X-Linked-Etag": f'"{blob.id}"', "X-Linked-Size": str(len(data))}
        if match := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(match[1]), min(int(match[2] or len(data) - 1), len(data) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
            data, status = data[first : last + 1], 206
        return Answer(status, data, headers | {"Content-Type": "application/octet-stream"}, is_file=True)
