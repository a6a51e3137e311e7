// The few functions of libuv that are used here. Node.js exports them, but the headers of Node-API, which the addon is
// built with, do not declare them. They and the numbers are part of libuv's ABI, which is stable throughout version 1;
// sizes are asked for.
#pragma once

#include <cstddef>

extern "C" {

typedef struct uv_loop_s uv_loop_t;
typedef struct uv_req_s uv_req_t;
typedef struct uv_work_s uv_work_t;
typedef void (*uv_work_cb)(uv_work_t* request);
typedef void (*uv_after_work_cb)(uv_work_t* request, int status);

size_t uv_loop_size(void);
int uv_loop_init(uv_loop_t* loop);
int uv_run(uv_loop_t* loop, int mode);
size_t uv_req_size(int type);
void* uv_req_get_data(const uv_req_t* request);
void uv_req_set_data(uv_req_t* request, void* data);
int uv_queue_work(uv_loop_t* loop, uv_work_t* request, uv_work_cb work, uv_after_work_cb done);

}  // extern "C"

namespace agora {

inline constexpr int kUvWork = 7;       // uv_req_type UV_WORK
inline constexpr int kUvRunNoWait = 2;  // uv_run_mode UV_RUN_NOWAIT

}  // namespace agora
