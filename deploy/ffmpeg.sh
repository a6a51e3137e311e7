#!/usr/bin/env bash
# Builds Debian's FFmpeg with what this product asks of it and nothing else: audio decoders, containers, a resampler.
#
#   deploy/ffmpeg.sh FOLDER-FOR-SOURCES FOLDER-TO-INSTALL-TO
#
# LGPL 2.1 throughout. Needs sources in apt (deb-src), dpkg-dev, gcc, make, nasm, pkg-config, libsoxr-dev, zlib1g-dev.
set -euo pipefail
sources=$(mkdir -p "$1" && cd "$1" && pwd)
target=$(mkdir -p "$2" && cd "$2" && pwd)

cd "$sources"
apt-get source --quiet ffmpeg
cd ffmpeg-*/

# Those of src/audio/ffmpeg-arguments.ts, as configure calls them. Of what decodes pictures there is nothing.
decoders=(
  'aac' 'aac_latm' 'ac3' 'eac3' 'alac' 'amrnb' 'amrwb' 'ape' 'dca' 'flac' 'adpcm_g722' 'g723_1' 'adpcm_g726' 'adpcm_g726le'
  'g729' 'gsm' 'gsm_ms' 'ilbc' 'mp1' 'mp1float' 'mp2' 'mp2float' 'mp3' 'mp3float' 'mp3adu' 'mp3adufloat' 'mp3on4'
  'mp3on4float' 'als' 'opus' 'vorbis' 'speex' 'qcelp' 'evrc' 'sipr' 'cook' 'truespeech' 'tta' 'tak' 'shorten' 'wavpack'
  'wmav1' 'wmav2' 'wmapro' 'wmalossless' 'wmavoice' 'mpc7' 'mpc8' 'nellymoser' 'ra_144' 'ra_288' 'ralf' 'atrac1' 'atrac3'
  'atrac3al' 'atrac3p' 'atrac3pal' 's302m' 'qdm2' 'qdmc' 'mace3' 'mace6' 'truehd' 'mlp' 'sbc' 'aptx' 'aptx_hd' 'siren'
  'msnsiren' 'acelp_kelvin' 'dss_sp' 'dvaudio' 'imc' 'iac' 'eightsvx_exp' 'eightsvx_fib' 'comfortnoise' 'dsd_*' 'dst' 'pcm_*'
  'adpcm_*'
)
parsers=(
  'aac' 'aac_latm' 'ac3' 'adx' 'amr' 'cook' 'dca' 'flac' 'g723_1' 'g729' 'gsm' 'mlp' 'mpegaudio' 'opus' 'sbc' 'sipr' 'tak'
  'vorbis' 'xma'
)
enabled=()
for decoder in "${decoders[@]}"; do enabled+=("--enable-decoder=$decoder"); done
for parser in "${parsers[@]}"; do enabled+=("--enable-parser=$parser"); done
./configure --prefix="$target" --disable-doc --disable-debug --disable-everything --disable-autodetect --disable-network \
  --disable-avdevice --disable-postproc --disable-swscale --disable-ffplay --disable-ffprobe \
  --enable-zlib --enable-libsoxr --enable-small "${enabled[@]}" --enable-demuxers \
  --enable-muxer=matroska --enable-encoder=pcm_f32le --enable-filter=aresample,aformat,anull,abuffer,abuffersink \
  --enable-protocol=file,pipe
make -j"$(nproc)"
make install-progs
strip "$target/bin/ffmpeg"
"$target/bin/ffmpeg" -hide_banner -version
