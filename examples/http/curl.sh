#!/usr/bin/env bash
# A recording in four ways:
#   bash curl.sh call.wav
set -euo pipefail
server=${SERVER:-http://localhost:8000}
file=$1

echo "== text"
curl -fsS "$server/v1/audio/transcriptions" -F model=whisper-1 -F response_format=text -F file=@"$file"

echo "== subtitles"
curl -fsS "$server/v1/audio/transcriptions" -F model=whisper-1 -F response_format=srt -F max_line_width=40 -F file=@"$file"

echo "== events, while it is transcribed"
curl -fsSN "$server/v1/audio/transcriptions" -F model=whisper-1 -F stream=true -F file=@"$file"

echo "== a job: nobody has to wait, its events end when it does"
job=$(curl -fsS "$server/v1/jobs" -F file=@"$file" | sed -E 's/.*"id": ?"(job_[^"]+)".*/\1/')
curl -fsSN "$server/v1/jobs/$job/events" >/dev/null
curl -fsS "$server/v1/jobs/$job/result?format=text"
