"""Prints the options of faster-whisper's classes as JSON, from its source, which is not run.

Usage: faster_whisper_options.py FOLDER, that of the package.
"""

import ast
import json
import sys

CALLS = {"WhisperModel", "BatchedInferencePipeline"}
options = {}
for name in ("transcribe.py", "vad.py"):
    with open(f"{sys.argv[1]}/{name}", encoding="utf-8") as source:
        classes = [node for node in ast.parse(source.read()).body if isinstance(node, ast.ClassDef)]
    for one in classes:
        if one.name == "VadOptions":
            options[one.name] = [field.target.id for field in one.body if isinstance(field, ast.AnnAssign)]
        if one.name not in CALLS:
            continue
        for method in one.body:
            if isinstance(method, ast.FunctionDef) and method.name in ("__init__", "transcribe"):
                named = [argument.arg for argument in method.args.args if argument.arg != "self"]
                rest = [method.args.kwarg.arg] if method.args.kwarg else []
                options[f"{one.name}.{method.name}"] = named + rest
print(json.dumps(options))
