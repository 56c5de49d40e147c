/** Mantine's theme: it takes its colours from the tokens' CSS variables, its sizes from the same grid. */
import { createTheme, type MantineColorsTuple } from '@mantine/core';

const water: MantineColorsTuple = [
  'var(--water)',
  'var(--water)',
  'var(--water)',
  'var(--water)',
  'var(--water)',
  'var(--water)',
  'var(--water)',
  'var(--water-strong)',
  'var(--water-strong)',
  'var(--water-strong)',
];

export const theme = createTheme({
  fontFamily: 'var(--sans)',
  fontFamilyMonospace: 'var(--mono)',
  defaultRadius: 'var(--radius)',
  primaryColor: 'water',
  primaryShade: 6,
  colors: { water },
  cursorType: 'pointer',
  respectReducedMotion: true,
  focusRing: 'auto',
  // By name alone: who watches does not load dialogs and forms for their defaults.
  components: {
    Button: { defaultProps: { size: 'md', variant: 'filled' } },
    TextInput: { defaultProps: { size: 'md' } },
    PasswordInput: { defaultProps: { size: 'md' } },
    SegmentedControl: { defaultProps: { size: 'md', transitionDuration: 120 } },
    Modal: { defaultProps: { centered: true, transitionProps: { duration: 150 }, overlayProps: { backgroundOpacity: 0.7 } } },
    Popover: { defaultProps: { transitionProps: { duration: 120 }, shadow: 'md' } },
  },
});
