#include "engine/model/file_reader.h"

#include <filesystem>

#include "engine/error.h"

namespace agora {

FileReader::FileReader(const std::string& path) : path_(path) {
    namespace fs = std::filesystem;
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) throw Error(ErrorCode::ModelNotFound, "No model file at " + path);
    if (fs::is_directory(status))
        throw Error(ErrorCode::ModelNotFound, "Expected a model file but " + path + " is a folder");
    if (!fs::is_regular_file(status))
        throw Error(ErrorCode::ModelNotFound, "Expected a model file but " + path + " is no regular file");
    size_ = fs::file_size(path, error);
    stream_.open(path, std::ios::binary);
    if (error || !stream_) throw Error(ErrorCode::ModelNotFound, "The model file " + path + " cannot be read");
}

void FileReader::require(uint64_t length, const char* what) const {
    if (length > remaining()) {
        fail("it ends inside " + std::string(what) + " (byte " + std::to_string(size_) + ")");
    }
}

void FileReader::read_bytes(void* destination, uint64_t length, const char* what) {
    require(length, what);
    stream_.read(static_cast<char*>(destination), static_cast<std::streamsize>(length));
    if (!stream_) fail("reading " + std::string(what) + " failed");
    position_ += length;
}

int32_t FileReader::read_i32(const char* what) {
    int32_t value = 0;
    read_bytes(&value, sizeof(value), what);
    return value;
}

std::string FileReader::read_string(uint64_t length, const char* what) {
    require(length, what);
    std::string value(length, '\0');
    read_bytes(value.data(), length, what);
    return value;
}

void FileReader::skip(uint64_t length, const char* what) {
    require(length, what);
    stream_.seekg(static_cast<std::streamoff>(length), std::ios::cur);
    position_ += length;
}

void FileReader::fail(const std::string& problem) const {
    throw Error(ErrorCode::ModelInvalid, "The model file " + path_ + " is not valid: " + problem);
}

}  // namespace agora
