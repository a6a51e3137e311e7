export interface Cue {
  /** Seconds. */
  start: number;
  end: number;
  text: string;
}

/** The cues of SubRip or WebVTT text. */
export function readCues(text: string): Cue[] {
  const clock = String.raw`(?:(\d+):)?(\d\d):(\d\d)[.,](\d{3})`;
  const head = new RegExp(`^${clock} --> ${clock}.*$`, "m");
  return text.split(/\n\n+/).flatMap((block) => {
    const match = head.exec(block);
    if (!match) return [];
    const [start, end] = [match.slice(1, 5), match.slice(5, 9)].map(seconds);
    return [{ start: start!, end: end!, text: block.slice(match.index + match[0].length).trim() }];
  });
}

function seconds([hours, minutes, whole, thousandths]: (string | undefined)[]): number {
  return Number(hours ?? 0) * 3600 + Number(minutes) * 60 + Number(whole) + Number(thousandths) / 1000;
}
