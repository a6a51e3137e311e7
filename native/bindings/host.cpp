// What Node.js has no function for and a server needs of the system that it runs on.

#include "bindings/host.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include "bindings/arguments.h"
#include "bindings/async.h"

namespace agora {
namespace {

// trimMemory(): Promise<void>. malloc keeps what was freed for the next one who asks; this returns whole pages of it to
// the system, of all arenas (malloc_trim(3)).
Napi::Value trim_memory(const Napi::CallbackInfo& info) {
    return run_async(info.Env(), []() -> Finish {
#ifdef __GLIBC__
        malloc_trim(0);
#endif
        return [](Napi::Env env) { return env.Undefined(); };
    });
}

// sendDatagram(path, text): void. To a socket of the file system, or of the abstract namespace where the path begins
// with @, as systemd's sd_notify(3) has it. Throws a system error's text.
Napi::Value send_datagram(const Napi::CallbackInfo& info) {
    return guarded(info.Env(), [&]() -> Napi::Value {
        const std::string path = string_argument(info[0], "path");
        const std::string text = string_argument(info[1], "text");
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (path.empty() || path.size() >= sizeof(address.sun_path))
            throw Error(ErrorCode::InvalidArgument, "Expected the path of a socket");
        std::memcpy(address.sun_path, path.data(), path.size());
        if (path[0] == '@') address.sun_path[0] = '\0';
        const int handle = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (handle < 0) throw Error(ErrorCode::Internal, std::string("Cannot open a socket: ") + std::strerror(errno));
        const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
        const ssize_t sent =
            sendto(handle, text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
        const int reason = errno;
        close(handle);
        if (sent < 0) throw Error(ErrorCode::Internal, "Cannot write to " + path + ": " + std::strerror(reason));
        return info.Env().Undefined();
    });
}

}  // namespace

void define_host(Napi::Env env, Napi::Object exports) {
    exports.Set("trimMemory", Napi::Function::New(env, trim_memory));
    exports.Set("sendDatagram", Napi::Function::New(env, send_datagram));
}

}  // namespace agora
