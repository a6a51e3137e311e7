/** Samples per second that models are trained with. */
const SAMPLE_RATE = 16_000;
/** Samples of a frame of Whisper's spectrogram. */
const FRAME_SAMPLES = 400;
/** Frequencies of its spectrum, from 0 to half the sample rate. */
export const FREQUENCY_BINS = FRAME_SAMPLES / 2 + 1;

// Slaney's scale: linear up to 1000 Hz, logarithmic above.
const HERTZ_PER_MEL = 200 / 3;
const LOG_START_HERTZ = 1000;
const LOG_START_MEL = LOG_START_HERTZ / HERTZ_PER_MEL;
const LOG_STEP = Math.log(6.4) / 27;

/**
 * The filters that sum a spectrum of `size` samples into `bands` mel bands: triangles on Slaney's scale, each of the same
 * area, row by row (`size / 2 + 1` values per band). The same as `librosa.filters.mel(sr=16000, n_fft=size,
 * n_mels=bands)`, from which OpenAI's `mel_filters.npz` was made.
 */
export function melFilters(bands: number, size = FRAME_SAMPLES): Float32Array {
  const topMel = hertzToMel(SAMPLE_RATE / 2);
  const edges = Array.from({ length: bands + 2 }, (_, i) => melToHertz((topMel / (bands + 1)) * i));
  // Exactly: the last bin is there, and a rounded power would let the last filter touch it.
  edges[bands + 1] = SAMPLE_RATE / 2;
  const bins = size / 2 + 1;
  const filters = new Float32Array(bands * bins);
  for (let band = 0; band < bands; band++) {
    const [left, centre, right] = [edges[band]!, edges[band + 1]!, edges[band + 2]!];
    const scale = 2 / (right - left);
    for (let bin = 0; bin < bins; bin++) {
      const frequency = (bin * SAMPLE_RATE) / size;
      const rising = (frequency - left) / (centre - left);
      const falling = (right - frequency) / (right - centre);
      const weight = Math.fround(Math.max(0, Math.min(rising, falling)));
      filters[band * bins + bin] = weight * scale;
    }
  }
  return filters;
}

function hertzToMel(hertz: number): number {
  if (hertz < LOG_START_HERTZ) return hertz / HERTZ_PER_MEL;
  return LOG_START_MEL + Math.log(hertz / LOG_START_HERTZ) / LOG_STEP;
}

function melToHertz(mel: number): number {
  if (mel < LOG_START_MEL) return mel * HERTZ_PER_MEL;
  return LOG_START_HERTZ * Math.exp(LOG_STEP * (mel - LOG_START_MEL));
}
