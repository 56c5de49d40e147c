/** What to do one after the other, numbered. */
import classes from './steps.module.css';

export function Steps({ steps }: { readonly steps: readonly string[] }) {
  return (
    <ol className={classes.steps}>
      {steps.map((step) => (
        <li key={step}>{step}</li>
      ))}
    </ol>
  );
}
