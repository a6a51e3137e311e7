/** What `--help` says after the options. */
export const HELP = `
Examples:
  agora-transcribe call.mp3                               text on standard output
  agora-transcribe call.mp3 -l ru -f srt > call.srt       subtitles
  agora-transcribe *.mp3 -f txt,json -o transcripts       files in a folder
  agora-transcribe call.wav --channels each --channel-labels agent,customer
  agora-transcribe call.wav --diarize --roles -f json     who says what, seller and client
  agora-transcribe diarize call.wav -f rttm               who speaks when, without text
  arecord -q -f S16_LE -r 16000 -t raw | agora-transcribe live    text while it is spoken
  ffmpeg -i video.mkv -f wav - | agora-transcribe -       from a pipe
  agora-transcribe --model demo sample.wav                without a download

Files:
  Any common audio or video format; the content decides, not the name. “-” is standard input.
  Named pipes, /dev/stdin and <(command) are read as they are filled.
  Quoted patterns such as 'calls/**/*.ogg' are expanded. Several texts on standard output are
  headed “==> name <==” (not with --quiet); several JSON documents come one per line, with "file".
  In --output-dir, two inputs of one base name keep their extensions (call.mp3.txt, call.wav.txt),
  and are numbered where that is not enough. One file that fails does not stop the others.
  Short files are transcribed several at once; texts on standard output keep the order of the files.
  Files are replaced when the new ones are complete; see --no-clobber and --skip-existing.

Exit codes:
  0    everything was transcribed
  1    some input failed; the others are done
  2    wrong options or arguments
  3    the model, the device, FFmpeg or the temporary folder cannot be used
  130  interrupted by Ctrl-C (a second Ctrl-C quits at once); 143 by SIGTERM

Environment:
  AGORA_MODEL               model to use where --model is not given
  AGORA_CACHE_DIR           folder of downloaded models
  AGORA_DIARIZATION_MODEL   model for --diarize where one channel holds several speakers and none is given
  AGORA_MODEL_MIRROR        address to use in place of https://huggingface.co
  AGORA_OFFLINE=1           never download, as --offline
  AGORA_FFMPEG              path of the FFmpeg program, where it is not in PATH
  HF_TOKEN                  access token for models on the Hugging Face Hub
  AGORA_MIRROR_TOKEN        access token of the mirror, which is not told the Hub's
  HTTPS_PROXY, NO_PROXY     proxy for downloads
`.trimEnd();

/** What `live --help` says after the options. */
export const LIVE_HELP = `
Examples:
  arecord -q -f S16_LE -r 16000 -t raw | agora-transcribe live
  agora-transcribe live --save talk.srt -- arecord -q -f S16_LE -r 16000 -t raw
  ffmpeg -i rtsp://… -f s16le -ar 16000 -ac 1 - | agora-transcribe live -l ru --json

Final text is a line each on standard output. On a terminal the text under way stands below it and
changes. Ctrl-C ends the audio: what was said before it is still written, and files are saved.
`.trimEnd();
