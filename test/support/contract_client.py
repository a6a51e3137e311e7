"""Calls a transcription server with stubs generated from the proto and prints what it answers, one JSON per line.

Usage: contract_client.py PORT STUBS_FOLDER FILE, where STUBS_FOLDER is for the generated code.
"""

import json
import struct
import sys

import grpc
from grpc_tools import protoc

PORT, STUBS, PATH = sys.argv[1:]
PROTO = sys.path[0] + "/../../proto"
CHUNK = 64 * 1024
MEGABYTE = 1000 * 1000

if protoc.main(["", f"-I{PROTO}", f"--python_out={STUBS}", f"--grpc_python_out={STUBS}", "v1/transcription.proto"]):
    sys.exit("protoc failed")
sys.path.insert(0, STUBS)
from v1 import transcription_pb2 as messages  # noqa: E402
from v1 import transcription_pb2_grpc as services  # noqa: E402


def chunks(data, filename, size=CHUNK):
    """The file in chunks, its name in the first; one empty chunk for an empty file."""
    for start in range(0, max(len(data), 1), size):
        name = filename if start == 0 else ""
        yield messages.AudioChunk(chunk_data=data[start : start + size], filename=name, sample_rate=16000)


def padded(wav, size):
    """The WAV file with a chunk of zeros before its audio, so that it has `size` bytes."""
    zeros = size - len(wav) - 8
    audio = wav.index(b"data")
    head = wav[:4] + struct.pack("<I", size - 8) + wav[8:audio]
    return head + b"junk" + struct.pack("<I", zeros) + bytes(zeros) + wav[audio:]


def show(name, call):
    """Prints the answer of a call, or the status that it ended with."""
    try:
        answer = call()
    except grpc.RpcError as error:
        print(json.dumps({"name": name, "status": error.code().name}))
        return
    print(
        json.dumps(
            {
                "name": name,
                "transcript": answer.transcript,
                "success": answer.success,
                "error_message": answer.error_message,
                "processing_time": answer.processing_time,
                "audio_duration": answer.audio_duration,
                "word_count": answer.stats.word_count,
                "char_count": answer.stats.char_count,
                "speed_factor": answer.stats.speed_factor,
            }
        )
    )


unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
with open(PATH, "rb") as file, grpc.insecure_channel(f"localhost:{PORT}", options=unlimited) as channel:
    service = services.TranscriptionServiceStub(channel)
    recording = file.read()

    def unary(data, filename, **options):
        request = messages.AudioRequest(audio_data=data, filename=filename, format="wav")
        return service.TranscribeAudio(request, **options)

    def stream(data, filename, size=CHUNK, **options):
        return service.TranscribeAudioStream(chunks(data, filename, size), **options)

    for mode, send in ("unary", unary), ("stream", stream):
        show(f"{mode} recording", lambda: send(recording, "Call.WAV"))
        show(f"{mode} no name", lambda: send(recording, ""))
        show(f"{mode} no data", lambda: send(b"", "call.exe"))
        show(f"{mode} extension", lambda: send(recording, "call.exe"))
        show(f"{mode} not audio", lambda: send(b"PK\x03\x04", "call.mp3"))
        show(f"{mode} deadline", lambda: send(recording, "call.wav", timeout=0.001))
    show("stream nothing", lambda: service.TranscribeAudioStream(iter(())))
    show("stream large and refused early", lambda: stream(bytes(50 * MEGABYTE), "call.exe"))
    show("unary too large", lambda: unary(bytes(210 * MEGABYTE), "call.wav"))
    show("stream too large", lambda: stream(bytes(210 * MEGABYTE), "call.wav", 210 * MEGABYTE))
    show("stream too large in chunks", lambda: stream(bytes(210 * MEGABYTE), "call.wav", MEGABYTE))
    show("unary 190 MB", lambda: unary(padded(recording, 190 * MEGABYTE), "call.wav"))
    show("stream 190 MB", lambda: stream(padded(recording, 190 * MEGABYTE), "call.wav", MEGABYTE))
    show("afterwards", lambda: unary(recording, "call.wav"))
