/** The `model_type` of a checkpoint of Nemotron-3-Diarization. */
export const NEMOTRON_TYPE = "nemotron3_diarization";
