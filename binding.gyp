# The front that node-gyp, node-gyp-build and prebuildify look for. CMake builds everything (see CMakeLists.txt).
{
  "targets": [
    {
      "target_name": "agora_transcribe",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["<(module_root_dir)/build/Release/agora_transcribe.node"],
          "action": ["node", "<(module_root_dir)/scripts/build-native.mjs"],
          "message": "Building agora_transcribe with CMake",
        }
      ],
    }
  ],
}
