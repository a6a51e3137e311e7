"""Prints the descriptors that protoc makes of proto files, as JSON: name to base64.

Usage: compiled_descriptors.py FOLDER NAME…, where the files lie under FOLDER by their names.
"""

import base64
import json
import os
import sys
import tempfile

from google.protobuf import descriptor_pb2
from grpc_tools import protoc

folder, *names = sys.argv[1:]
output = os.path.join(tempfile.mkdtemp(), "set")
if protoc.main(["", f"-I{folder}", f"--descriptor_set_out={output}", "--include_imports", *names]):
    sys.exit("protoc failed")
with open(output, "rb") as file:
    compiled = descriptor_pb2.FileDescriptorSet.FromString(file.read())
print(json.dumps({file.name: base64.b64encode(file.SerializeToString()).decode() for file in compiled.file}))
