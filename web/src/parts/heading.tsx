/** The title of what a page shows, and under it a line of facts. */
import type { ReactNode } from 'react';
import classes from './heading.module.css';

export function Heading({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <>
      <h1 className={classes.title}>{title}</h1>
      <p className={`${classes.facts} figures`}>{children}</p>
    </>
  );
}
