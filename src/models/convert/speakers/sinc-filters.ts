const FILTERS = 40;
const KERNEL = 251;
const HALF = (KERNEL - 1) / 2;
const RATE = 16_000;
const LOWEST = 50;
const NARROWEST = 50;

/**
 * SincNet's band-pass filters, [80][251]: 40 even ones, then their odd partners.
 * Source: asteroid_filterbanks, param_sinc_fb.py (Pariente et al., 2020, Filterbank design for end-to-end speech
 * separation).
 * @param lowEdges `low_hz_` of 40 filters @param bandWidths `band_hz_`
 */
export function sincFilters(lowEdges: Float32Array, bandWidths: Float32Array): Float32Array {
  const filters = new Float32Array(2 * FILTERS * KERNEL);
  for (let i = 0; i < FILTERS; i++) {
    const low = LOWEST + Math.abs(lowEdges[i]!);
    const high = Math.min(RATE / 2, Math.max(LOWEST, low + NARROWEST + Math.abs(bandWidths[i]!)));
    const scale = 2 * (high - low);
    const even = filters.subarray(i * KERNEL, (i + 1) * KERNEL);
    const odd = filters.subarray((FILTERS + i) * KERNEL, (FILTERS + i + 1) * KERNEL);
    even[HALF] = 1;
    for (let k = 0; k < HALF; k++) {
      const n = (2 * Math.PI * (k - HALF)) / RATE;
      const window = 0.54 - 0.46 * Math.cos((2 * Math.PI * k) / (KERNEL - 1));
      const cosine = ((Math.sin(high * n) - Math.sin(low * n)) / (n / 2)) * window;
      const sine = ((Math.cos(low * n) - Math.cos(high * n)) / (n / 2)) * window;
      even[k] = even[KERNEL - 1 - k] = cosine / scale;
      odd[k] = sine / scale;
      odd[KERNEL - 1 - k] = -sine / scale;
    }
  }
  return filters;
}
