import { useEffect, useState } from "preact/hooks";
import { LANGUAGES, type Language, useText } from "./text/text.js";

const NAMES: Record<Language, string> = { en: "English", ru: "Русский" };
const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

/** Language and theme, which the browser remembers. */
export function Settings({
  language,
  onLanguage,
}: {
  language: Language;
  onLanguage(chosen: Language): void;
}) {
  const text = useText();
  const [theme, setTheme] = useState<Theme>((localStorage.getItem("theme") as Theme | null) ?? "system");
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
  }, [theme]);
  return (
    <div class="settings">
      <select
        aria-label={text.say("theme")}
        value={theme}
        onChange={(event) => setTheme(event.currentTarget.value as Theme)}
      >
        {THEMES.map((each) => (
          <option key={each} value={each}>
            {text.say(each)}
          </option>
        ))}
      </select>
      <select
        aria-label="Language · Язык"
        value={language}
        onChange={(event) => {
          const chosen = event.currentTarget.value as Language;
          localStorage.setItem("language", chosen);
          onLanguage(chosen);
        }}
      >
        {LANGUAGES.map((each) => (
          <option key={each} value={each} lang={each}>
            {NAMES[each]}
          </option>
        ))}
      </select>
    </div>
  );
}
