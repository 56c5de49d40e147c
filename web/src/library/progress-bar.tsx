/** A thin bar of something that takes long, and a line that says how far it is. */
import classes from './progress-bar.module.css';

export interface ProgressBarProps {
  readonly label: string;
  /** From 0 to 1; null while it cannot be told. */
  readonly share: number | null;
  readonly line: string;
}

export function ProgressBar({ label, share, line }: ProgressBarProps) {
  return (
    <>
      <div
        className={classes.bar}
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuetext={line}
        {...(share === null ? {} : { 'aria-valuenow': Math.floor(share * 100) })}
      >
        <div className={classes.done} style={{ transform: `scaleX(${share ?? 0})` }} />
      </div>
      <p className={`${classes.line} figures`}>{line}</p>
    </>
  );
}
