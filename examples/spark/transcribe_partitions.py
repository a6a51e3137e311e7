"""Recordings of a table, transcribed by a server and its workers, from Spark or Ray: rows hold paths, never bytes.

    spark-submit transcribe_partitions.py /mnt/calls/2026-11.parquet /mnt/calls/2026-11-texts.parquet

A partition is a client of the server: it brings its recordings as jobs, a few at a time, and gives back a row for each. Of a
task that Spark begins again the jobs of before are found by their keys: nothing is transcribed twice. Python's own library
is all that it needs; numbers of partitions and of jobs at once only say how much waits in the server's queue rather than here.
"""

import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request

SERVER = os.environ.get("AGORA_SERVER", "http://localhost:8000")
TOKEN = os.environ.get("AGORA_TOKEN")
AT_ONCE = 16
"""Jobs of one partition that wait or are worked on at once."""
TRIES = 8
ENDED = ("succeeded", "failed", "cancelled")


def transcribe_partition(rows, server=SERVER, token=TOKEN, options=None, poll=1.0):
    """For `mapPartitions`: an iterator of dicts with `path` in, one of dicts with `path`, `text`, `duration`, `error` out.

    `path` is one that this machine can read. `options` are fields of /v1/audio/transcriptions, such as `language`.
    """
    options = dict(options or {})
    waiting = []
    for row in rows:
        waiting.append((row["path"], _submit(server, token, row["path"], options)))
        if len(waiting) == AT_ONCE:
            yield _result(server, token, *waiting.pop(0), poll)
    for path, job in waiting:
        yield _result(server, token, path, job, poll)


def _submit(server, token, path, options):
    """Id of the job of a recording: the same for the same recording and options, however often it is asked for."""
    try:
        found = os.stat(path)
    except OSError as error:
        return error
    identity = json.dumps([path, found.st_size, int(found.st_mtime), sorted(options.items())])
    boundary = hashlib.sha256(identity.encode()).hexdigest()
    head = "".join(
        f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in options.items()
    )
    head += f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="audio"\r\n\r\n'
    tail = f"\r\n--{boundary}--\r\n"
    headers = {
        "content-type": f"multipart/form-data; boundary={boundary}",
        "content-length": str(len(head.encode()) + found.st_size + len(tail.encode())),
        "idempotency-key": boundary,
    }

    def body():
        # In pieces: no recording is in memory as a whole.
        yield head.encode()
        with open(path, "rb") as file:
            while piece := file.read(1 << 16):
                yield piece
        yield tail.encode()

    try:
        return _ask(f"{server}/v1/jobs", token, body, headers)["id"]
    except (OSError, ValueError) as error:
        return error


def _result(server, token, path, job, poll):
    try:
        if isinstance(job, Exception):
            raise job
        while (state := _ask(f"{server}/v1/jobs/{job}", token))["status"] not in ENDED:
            time.sleep(poll)
        if state["status"] != "succeeded":
            return {"path": path, "text": None, "duration": None, "error": json.dumps(state["error"] or state["status"])}
        text = _ask(f"{server}/v1/jobs/{job}/result?format=json", token)["text"]
        return {"path": path, "text": text, "duration": state["duration"], "error": None}
    except (OSError, ValueError) as error:
        return {"path": path, "text": None, "duration": None, "error": str(error)}


def _ask(url, token, body=None, headers=None):
    """Asks, and asks again where the server is full, starting or away."""
    for tried in range(1, TRIES + 1):
        request = urllib.request.Request(url, data=body() if body else None, headers=dict(headers or {}))
        if token:
            request.add_header("authorization", f"Bearer {token}")
        wait = min(30, 2**tried)
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503) or tried == TRIES:
                raise OSError(f"{error.code}: {error.read(1000).decode(errors='replace')}") from error
            wait = float(error.headers.get("retry-after") or wait)
        except urllib.error.URLError:
            if tried == TRIES:
                raise
        time.sleep(wait)


def main(source, target):
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.appName("transcriptions").getOrCreate()
    paths = spark.read.parquet(source).select("path").repartition(8)
    rows = paths.rdd.map(lambda row: row.asDict()).mapPartitions(transcribe_partition)
    spark.createDataFrame(rows, "path string, text string, duration double, error string").write.parquet(target)


def ray_batch(batch):
    """For Ray: `ray.data.read_parquet(source).map_batches(ray_batch)`; columns in, columns out."""
    rows = list(transcribe_partition({"path": path} for path in batch["path"]))
    return {name: [row[name] for row in rows] for name in ("path", "text", "duration", "error")}


if __name__ == "__main__":
    main(*sys.argv[1:3])
