/** Mantine's theme: it takes its colours from the tokens' CSS variables, its sizes from the same grid. */
import { Button, createTheme, type MantineColorsTuple, Modal, Popover, SegmentedControl, TextInput } from '@mantine/core';

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
  components: {
    Button: Button.extend({ defaultProps: { size: 'md', variant: 'filled' } }),
    TextInput: TextInput.extend({ defaultProps: { size: 'md' } }),
    SegmentedControl: SegmentedControl.extend({ defaultProps: { size: 'md', transitionDuration: 120 } }),
    Modal: Modal.extend({ defaultProps: { centered: true, transitionProps: { duration: 150 }, overlayProps: { backgroundOpacity: 0.7 } } }),
    Popover: Popover.extend({ defaultProps: { transitionProps: { duration: 120 }, shadow: 'md' } }),
  },
});
