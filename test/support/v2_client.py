"""Calls contract v2 with stubs generated from the proto and prints what it answers, as one JSON.

Usage: v2_client.py PORT STUBS_FOLDER FILE, where STUBS_FOLDER is for the generated code.
"""

import json
import os
import sys

import grpc
import grpc_tools
from grpc_tools import protoc

PORT, STUBS, PATH = sys.argv[1:]
PROTO = sys.path[0] + "/../../proto"
WELL_KNOWN = os.path.join(os.path.dirname(grpc_tools.__file__), "_proto")
CHUNK = 64 * 1024

folders = [f"-I{PROTO}", f"-I{WELL_KNOWN}", f"--python_out={STUBS}", f"--grpc_python_out={STUBS}"]
if protoc.main(["", *folders, "v2/transcription.proto"]):
    sys.exit("protoc failed")
sys.path.insert(0, STUBS)
from v2 import transcription_pb2 as messages  # noqa: E402
from v2 import transcription_pb2_grpc as services  # noqa: E402


def config(**options):
    return messages.TranscriptionConfig(options=messages.TranscriptionOptions(**options), filename="call.wav")


def upload(data):
    """The configuration, then the file in chunks."""
    yield messages.UploadRequest(config=config(word_timestamps=True))
    for start in range(0, len(data), CHUNK):
        yield messages.UploadRequest(data=data[start : start + CHUNK])


def shown(result):
    return {
        "text": result.text,
        "language": result.language,
        "model": result.model,
        "implementation": result.implementation,
        "request_id": result.request_id,
        "words": [word.text for segment in result.segments for word in segment.words],
    }


with open(PATH, "rb") as file, grpc.insecure_channel(f"localhost:{PORT}") as channel:
    service = services.TranscriptionServiceStub(channel)
    recording = file.read()
    answer = {}

    def named(name):
        return (("x-request-id", f"python-{name}"),)

    request = messages.TranscribeRequest(config=config(word_timestamps=True), audio=recording)
    answer["unary"] = shown(service.Transcribe(request, metadata=named("unary")))
    answer["upload"] = shown(service.TranscribeUpload(upload(recording), metadata=named("upload")))
    events = list(service.TranscribeUploadEvents(upload(recording), metadata=named("events")))
    answer["kinds"] = [event.WhichOneof("event") for event in events]
    answer["events"] = shown(events[-1].result)
    try:
        request = messages.TranscribeRequest(config=config(beam_size=99), audio=recording)
        service.Transcribe(request, metadata=named("failure"))
    except grpc.RpcError as error:
        details = dict(error.trailing_metadata())["grpc-status-details-bin"]
        answer["failure"] = {"status": error.code().name, "message": error.details(), "details": details.hex()}
    info = service.GetServerInfo(messages.GetServerInfoRequest())
    answer["info"] = {
        "implementation": info.implementation,
        "models": [model.name for model in info.models],
        "upload": info.limits.max_upload_bytes,
    }
    print(json.dumps(answer))
