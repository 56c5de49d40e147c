/**
 * Icons, all of one set. `import IconCopy from '~icons/copy'` is one of them: the build takes its paths out of the set and calls `drawIcon`.
 * What they stand for is said beside them, or is the name of what they are in.
 */
import type { ComponentProps, ReactElement } from 'react';

interface IconProps extends Omit<ComponentProps<'svg'>, 'children' | 'stroke'> {
  /** Pixels, in both directions. */
  readonly size?: number;
  /** How wide lines are, of a drawing of 24 by 24. */
  readonly stroke?: number;
}

export type Icon = (props: IconProps) => ReactElement;

/** @param filled what is inside the paths is painted, not they themselves */
export function drawIcon(paths: readonly string[], filled: boolean): Icon {
  const paint = filled ? ({ fill: 'currentColor' } as const) : ({ fill: 'none', stroke: 'currentColor', strokeLinecap: 'round', strokeLinejoin: 'round' } as const);
  return ({ size = 24, stroke = 2, ...rest }) => (
    <svg aria-hidden="true" width={size} height={size} viewBox="0 0 24 24" strokeWidth={stroke} {...paint} {...rest}>
      {paths.map((path) => (
        <path key={path} d={path} />
      ))}
    </svg>
  );
}
