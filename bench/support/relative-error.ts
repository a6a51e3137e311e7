/** The norm of the difference, relative to the reference's norm. */
export function relativeError(values: Float32Array, reference: Float32Array): number {
  let difference = 0;
  let norm = 0;
  reference.forEach((expected, i) => {
    difference += (values[i]! - expected) ** 2;
    norm += expected ** 2;
  });
  return Math.sqrt(difference / norm);
}
