"""Asks a server's reflection for everything, as Python's clients do, and prints what became of it as one JSON.

Usage: reflection_client.py PORT STUBS_FOLDER REFLECTION_PROTO_FOLDER
"""

import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

PORT, STUBS, PROTO = sys.argv[1:]
if protoc.main(["", f"-I{PROTO}", f"--python_out={STUBS}", f"--grpc_python_out={STUBS}", "grpc/reflection/v1/reflection.proto"]):
    sys.exit("protoc failed")
# The generated package is called grpc, too.
grpc.__path__.append(STUBS + "/grpc")
sys.path.insert(0, STUBS)
from grpc.reflection.v1 import reflection_pb2 as messages  # noqa: E402
from grpc.reflection.v1 import reflection_pb2_grpc as services  # noqa: E402

with grpc.insecure_channel(f"localhost:{PORT}") as channel:
    stub = services.ServerReflectionStub(channel)

    def ask(**request):
        return next(iter(stub.ServerReflectionInfo(iter([messages.ServerReflectionRequest(**request)]))))

    listed = [service.name for service in ask(list_services="").list_services_response.service]
    pool = descriptor_pool.DescriptorPool()
    added = set()

    def add(symbol):
        files = ask(file_containing_symbol=symbol).file_descriptor_response.file_descriptor_proto
        parsed = {file.name: file for file in map(descriptor_pb2.FileDescriptorProto.FromString, files)}

        def add_file(name):
            if name in added:
                return
            for dependency in parsed[name].dependency:
                add_file(dependency)
            pool.Add(parsed[name])
            added.add(name)

        for name in parsed:
            add_file(name)

    for symbol in [*listed, "google.rpc.Status", "google.rpc.ErrorInfo", "google.rpc.BadRequest", "google.rpc.RetryInfo"]:
        add(symbol)
    methods = {name: [method.name for method in pool.FindServiceByName(name).methods] for name in listed}

    def new(name):
        descriptor = pool.FindMessageTypeByName(name)
        if hasattr(message_factory, "GetMessageClass"):
            return message_factory.GetMessageClass(descriptor)
        return message_factory.MessageFactory(pool).GetPrototype(descriptor)

    # A call by nothing but what reflection told.
    method = pool.FindServiceByName("transcription.v2.TranscriptionService").FindMethodByName("GetServerInfo")
    answer = new(method.output_type.full_name)
    call = channel.unary_unary(
        "/transcription.v2.TranscriptionService/GetServerInfo",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer.FromString,
    )
    info = call(new(method.input_type.full_name)())
    details = new("google.rpc.ErrorInfo")(reason="R", metadata={"a": "b"})
    missing = ask(file_containing_symbol="no.such.Symbol").error_response.error_code
    print(
        json.dumps(
            {
                "methods": methods,
                "settings": dict(info.settings),
                "files": sorted(added),
                "details": dict(details.metadata),
                "missing": missing,
            }
        )
    )
