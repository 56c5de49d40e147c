/** A button that is an icon with a name; large enough for a thumb. */
import type { ButtonHTMLAttributes, ReactNode } from 'react';
import classes from './icon-button.module.css';

export interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'aria-label' | 'title'> {
  readonly label: string;
  readonly children: ReactNode;
}

export function IconButton({ label, children, className, ...rest }: IconButtonProps) {
  return (
    <button type="button" className={className ? `${classes.button} ${className}` : classes.button} aria-label={label} title={label} {...rest}>
      {children}
    </button>
  );
}
