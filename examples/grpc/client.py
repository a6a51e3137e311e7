"""Sends a recording by gRPC (contract v2) and prints its text as it comes.

    pip install grpcio grpcio-tools
    python3 -m grpc_tools.protoc -I../../proto --python_out=. --grpc_python_out=. v2/transcription.proto
    python3 client.py call.wav
"""

import os
import sys

import grpc
from v2 import transcription_pb2 as messages
from v2 import transcription_pb2_grpc as services

CHUNK = 64 * 1024


def upload(path):
    """The configuration, then the file in chunks."""
    options = messages.TranscriptionOptions(beam_size=1)
    config = messages.TranscriptionConfig(options=options, filename=os.path.basename(path))
    yield messages.UploadRequest(config=config)
    with open(path, "rb") as file:
        while data := file.read(CHUNK):
            yield messages.UploadRequest(data=data)


def main(path):
    token = os.environ.get("SERVER_API_TOKEN")
    metadata = [("authorization", f"Bearer {token}")] if token else []
    address = os.environ.get("SERVER", "localhost:50051")
    with grpc.insecure_channel(address) as channel:  # secure_channel() for TLS
        service = services.TranscriptionServiceStub(channel)
        try:
            for event in service.TranscribeUploadEvents(upload(path), metadata=metadata):
                kind = event.WhichOneof("event")
                if kind == "segment":
                    print(f"{event.segment.start:.2f} {event.segment.text}")
                if kind == "result":
                    print(f"{event.result.language}, {event.result.duration:.1f} s")
        except grpc.RpcError as error:
            sys.exit(f"{error.code().name}: {error.details()}")


main(sys.argv[1])
