/** Every colour and size of the pages, once. The build turns this into CSS variables; nothing else names a colour. */

const dark = {
  ink: '#0b0e13',
  raised: '#141922',
  sunken: '#080a0e',
  line: '#252c38',
  /** Borders of controls: 3:1 on ink and raised. */
  edge: '#667286',
  text: '#e8ecf2',
  quiet: '#97a3b4',
  /** Action and focus. */
  water: '#4cc9d8',
  waterStrong: '#74d9e5',
  onWater: '#04191d',
  waterWash: '#4cc9d81f',
  /** For live and for nothing else. */
  live: '#ff4d5e',
  onLive: '#1d0206',
  liveWash: '#ff4d5e24',
  good: '#5fd38d',
  warn: '#f2b84b',
  warnWash: '#f2b84b1a',
  shadow: '0 12px 32px #00000073',
} as const;

type Palette = { readonly [Name in keyof typeof dark]: string };

const light: Palette = {
  ink: '#f5f7fa',
  raised: '#ffffff',
  sunken: '#e9edf2',
  line: '#d6dde6',
  edge: '#748194',
  text: '#11161e',
  quiet: '#505c6c',
  water: '#0a6f7e',
  waterStrong: '#07596a',
  onWater: '#ffffff',
  waterWash: '#0a6f7e17',
  live: '#cf1730',
  onLive: '#ffffff',
  liveWash: '#cf173017',
  good: '#18743f',
  warn: '#855600',
  warnWash: '#b377001a',
  shadow: '0 12px 32px #1a24331f',
};

/** A 4-pixel grid. */
const sizes = {
  radius: '10px',
  target: '44px',
  fast: '120ms',
  calm: '200ms',
  sans: "'Inter Variable', system-ui, sans-serif",
  mono: "'JetBrains Mono Variable', ui-monospace, monospace",
} as const;

/** The style sheet of the tokens: dark unless the page's scheme says light. */
export function tokensCss(): string {
  return [
    `:root { ${declarations(sizes)} ${declarations(dark)} color-scheme: dark; }`,
    `:root[data-mantine-color-scheme='light'] { ${declarations(light)} color-scheme: light; }`,
    // What lies over a picture is dark in every theme: the picture does not change with it.
    `.on-picture { ${declarations(dark)} color-scheme: dark; }`,
  ].join('\n');
}

function declarations(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: ${value};`)
    .join(' ');
}
