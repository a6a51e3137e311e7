import { useText } from "../text/text.js";

const SPOKEN = ["ru", "en", "de", "fr", "es", "it", "pt", "pl", "uk", "kk", "tr", "zh", "ja"];

interface LanguageChoiceProps {
  /** Code, or empty: detected. */
  value: string;
  isDisabled?: boolean;
  onChange(code: string): void;
}

/** What is spoken. */
export function LanguageChoice({ isDisabled = false, onChange, value }: LanguageChoiceProps) {
  const text = useText();
  const names = new Intl.DisplayNames(text.language, { type: "language" });
  return (
    <label>
      {text.say("language")}
      <select disabled={isDisabled} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">{text.say("detect")}</option>
        {SPOKEN.map((code) => (
          <option key={code} value={code}>
            {names.of(code)}
          </option>
        ))}
      </select>
    </label>
  );
}
