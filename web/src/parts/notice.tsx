/** A page that has one thing to say: what happened, what it means, and the one thing to do. */
import type { ReactNode } from 'react';
import classes from './notice.module.css';

export interface NoticeProps {
  readonly title: string;
  readonly text: string;
  readonly alert?: boolean;
  readonly children?: ReactNode;
}

export function Notice({ title, text, alert, children }: NoticeProps) {
  return (
    <section className={classes.notice} role={alert ? 'alert' : undefined}>
      <svg className={classes.water} viewBox="0 0 240 48" aria-hidden="true">
        <path d="M0 14c20-12 40-12 60 0s40 12 60 0 40-12 60 0 40 12 60 0" />
        <path d="M0 34c20-12 40-12 60 0s40 12 60 0 40-12 60 0 40 12 60 0" />
      </svg>
      <h1 className={classes.title}>{title}</h1>
      <p className={classes.text}>{text}</p>
      {children && <div className={classes.action}>{children}</div>}
    </section>
  );
}
